def test_what_is_elsewhere_says_so_and_what_there_is_instead():
    for name in "pip", "conda", "mamba", "micromamba", "uv":
        shows(refused(f"%{name} install -q numpy"), f"%{name} isn't possible", "sys.path.insert")
        shows(said(f"%{name} --help"), f"%{name}")
    shows(refused("%gui qt"), "%gui isn't possible", "await")
    shows(refused("%matplotlib --list"), "%matplotlib isn't possible", "display()")
    shows(refused("%pylab inline"), "%pylab isn't possible")

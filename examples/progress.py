"""Results that are still to come: what they tell while they do.

    rhumba -n 4 examples/progress.py

Numerical integration in pieces of growing cost. Shown: a bar of what is done, what the engines print as
they print it, who did what for how long, and what a failure looks like.
"""

import ipyparallel as ipp

PIECES = 24


def area(part, parts, steps):
    """Returns the area under 4 / (1 + x²) over one part of [0, 1]; all parts together are π."""
    begin, width = part / parts, 1 / parts / steps
    return sum(4 / (1 + (begin + (k + 0.5) * width) ** 2) for k in range(steps)) * width


def main():
    client = ipp.Client()
    client.wait_for_engines(1)
    view = client.load_balanced_view()

    result = view.map_async(area, range(PIECES), [PIECES] * PIECES, range(500, 500 + 400 * PIECES, 400))
    result.wait_interactive()
    assert result.progress == len(result) == PIECES
    assert abs(sum(result) - 3.141592653589793) < 1e-6
    print(f"pi is about {sum(result):.6f}; {result.serial_time:.2f} s of work took {result.wall_time:.2f} s")
    assert 0 < result.wall_time and 0 < result.serial_time

    everyone = client[:]
    everyone.scatter("rank", client.ids, flatten=True, block=True)
    told = everyone.execute("for step in range(2):\n    print(f'engine {rank}, step {step}', flush=True)")
    with told.stream_output():
        told.wait()
    assert told.stdout == [f"engine {k}, step 0\nengine {k}, step 1\n" for k in client.ids]

    failing = everyone.apply_async(lambda k: 1 // k, ipp.Reference("rank"))
    done, pending = failing.wait(return_when=ipp.FIRST_EXCEPTION)
    failed = [part for part in done if not part.successful()]
    assert [part.engine_id for part in failed] == [client.ids[0]]
    try:
        failing.get()
    except ipp.CompositeError as error:
        print(f"{len(error.elist)} engine failed: {error.elist[0][0]}: {error.elist[0][1]}")
    else:
        raise AssertionError("nothing failed")


if __name__ == "__main__":
    main()

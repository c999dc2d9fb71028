//! What is shown of objects: nested data as text, forms by MIME type, formatters, ids.

use super::support::{Shown, with_bench};

/// The text under which the value of a cell is shown.
fn shown(bench: &super::support::Bench, cell: &str) -> String {
    bench.recorder.take();
    bench.cell(cell);
    match bench.recorder.take().pop() {
        Some(Shown::Result(_, text)) => text,
        other => panic!("{cell}: {other:?}"),
    }
}

#[test]
fn values_are_put_into_text_as_they_fit() {
    with_bench(|bench| {
        bench.cell(
            "import collections, re, types\nfrom IPython.lib.pretty import pretty, for_type, for_type_by_name\n\
             class Point:\n    def __init__(self, *a): self.a = a\n    def _repr_pretty_(self, p, cycle):\n\
             \x20       with p.group(6, 'Point(', ')'):\n            for i, x in enumerate(self.a):\n\
             \x20               if i: p.text(','); p.breakable()\n                p.pretty(x)\n\
             class Shy: pass\nclass Named(list): pass\ndef f(a, *, b=1): pass\n\
             loop = [1]; loop.append(loop); ring = {'a': 1}; ring['r'] = ring",
        );
        for (cell, expected) in [
            ("[1, 'a', {'k': (1,)}]", "[1, 'a', {'k': (1,)}]"),
            ("{3, 1, 2}", "{1, 2, 3}"),
            ("set()", "set()"),
            ("frozenset([2, 1])", "frozenset({1, 2})"),
            ("loop", "[1, [...]]"),
            ("ring", "{'a': 1, 'r': {...}}"),
            ("Named([1, 2])", "[1, 2]"),
            ("int", "int"),
            ("Point", "__main__.Point"),
            ("f", "<function __main__.f(a, *, b=1)>"),
            ("len", "<function len(obj, /)>"),
            ("ValueError('x', 2)", "ValueError('x', 2)"),
            (
                "re.compile('a\\\\d', re.I)",
                "re.compile(r'a\\d', re.IGNORECASE)",
            ),
            ("Point(1, [Point()])", "Point(1, [Point()])"),
            ("collections.OrderedDict(a=1)", "OrderedDict({'a': 1})"),
            ("collections.Counter('aab')", "Counter({'a': 2, 'b': 1})"),
            (
                "collections.defaultdict(list, a=[1])",
                "defaultdict(list, {'a': [1]})",
            ),
            ("collections.deque([1], 3)", "deque([1], maxlen=3)"),
            ("types.SimpleNamespace(a=1)", "namespace(a=1)"),
            ("(lambda: 0,)", "(<function __main__.<lambda>()>,)"),
            (
                "{'first': list(range(18)), 'second': 'x' * 30}",
                "{'first': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17],\n 'second': 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}",
            ),
            (
                "['a' * 30, 'b' * 30, 'c' * 30]",
                "['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',\n 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',\n 'cccccccccccccccccccccccccccccc']",
            ),
            (
                "Point('a' * 40, 'b' * 40)",
                "Point('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',\n      'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb')",
            ),
        ] {
            assert_eq!(shown(bench, cell), expected, "{cell}");
        }
        assert!(shown(bench, "Shy()").starts_with("<__main__.Shy at 0x"));
        // As wide as it may be, and one more.
        let fits = "['".to_owned() + &"a".repeat(36) + "', '" + &"b".repeat(35) + "']";
        assert_eq!((fits.len(), shown(bench, &fits)), (79, fits.clone()));
        assert!(shown(bench, &fits.replace("b'", "bb'")).contains('\n'));
        // Long ones are cut, and say so.
        let text = shown(bench, "list(range(5000))");
        assert!(
            text.ends_with(" 998,\n 999,\n ...]"),
            "{}",
            &text[text.len() - 30..]
        );
        assert_eq!(
            bench.value("len(pretty({i: i for i in range(5000)}).splitlines())"),
            "1001"
        );
        assert_eq!(
            bench.value("pretty([1, 2, 3, 4], max_seq_length=2)"),
            "'[1, 2, ...]'"
        );
        assert_eq!(
            bench.value(r"pretty(['aaa', 'bbb'], max_width=9)"),
            r#""['aaa',\n 'bbb']""#
        );
        bench.cell("_ = for_type(Shy, lambda obj, p, cycle: p.text('shy'))");
        assert_eq!(bench.value("pretty([Shy()])"), "'[shy]'");
        bench.cell("_ = for_type_by_name('fractions', 'Fraction', lambda obj, p, cycle: p.text('frac'))\nfrom fractions import Fraction");
        assert_eq!(bench.value("pretty([Fraction(1, 2)])"), "'[frac]'");
    });
}

#[test]
fn objects_are_shown_in_their_own_ways() {
    with_bench(|bench| {
        bench.cell(
            "class Itself:\n    def _ipython_display_(self): print('itself')\n\
             class Rich:\n    def _repr_html_(self): return '<b>'\n    def _repr_png_(self): return b'\\x89PNG', {'width': 3}\n    def __repr__(self): return 'rich'\n\
             class Half:\n    def _repr_html_(self): raise KeyError('no html')\n    def __repr__(self): return 'half'\n\
             class Broken:\n    def __repr__(self): raise KeyError('no text')\n\
             class Shy:\n    def _repr_html_(self): raise NotImplementedError\n    def _repr_latex_(self): return None\n    def __repr__(self): return 'shy'",
        );
        bench.recorder.take();
        bench.cell("Itself()");
        assert_eq!(bench.recorder.stdout(), "itself\n");
        assert!(
            !bench
                .recorder
                .take()
                .iter()
                .any(|shown| matches!(shown, Shown::Result(..)))
        );
        assert_eq!(shown(bench, "Rich()"), "rich");
        bench.cell("display(Rich(), include=['image/png'])");
        assert_eq!(
            bench.recorder.take(),
            [Shown::Display(vec![(
                "image/png".into(),
                "iVBORw==".into()
            )])]
        );
        bench.cell("Half()");
        let shown_half = bench.recorder.take();
        assert!(
            matches!(&shown_half[..], [Shown::Stderr(told), Shown::Result(_, text)] if told.contains("KeyError: 'no html'") && text == "half"),
            "{shown_half:?}"
        );
        assert_eq!(bench.failing("Broken()").message, "'no text'");
        assert_eq!(bench.failing("[Broken()]").message, "'no text'");
        bench.recorder.take();
        bench.cell("display(Shy())");
        assert_eq!(
            bench.recorder.take(),
            [Shown::Display(vec![("text/plain".into(), "shy".into())])]
        );
        bench.cell("display({'text/plain': 'p', 'application/json': {'a': [1]}}, raw=True, metadata={'text/plain': {'k': 1}})");
        assert_eq!(
            bench.recorder.take(),
            [Shown::Display(vec![
                ("text/plain".into(), "p".into()),
                ("application/json".into(), r#"{"a": [1]}"#.into())
            ])]
        );
    });
}

#[test]
fn what_was_shown_is_replaced_by_its_id() {
    with_bench(|bench| {
        bench.cell(
            "from IPython.display import display, update_display, clear_output, DisplayHandle\nimport _rhumba_shell\nseen = []\n_rhumba_shell.begin_capture(seen)",
        );
        bench.cell("handle = display('a', display_id=True)\nhandle.update('b')\ndisplay('c', display_id='mine')\nupdate_display('d', display_id='mine')");
        bench.cell("plain = display('e')\n_rhumba_shell.end_capture()");
        assert_eq!(
            bench.value(
                "[(s[0]['text/plain'], s[2] in (handle.display_id, 'mine'), s[3]) for s in seen]"
            ),
            r#"[("'a'", True, False), ("'b'", True, True), ("'c'", True, False), ("'d'", True, True), ("'e'", False, False)]"#
        );
        assert_eq!(
            bench.value("(plain, type(handle).__name__)"),
            "(None, 'DisplayHandle')"
        );
        bench.cell("from IPython.utils.io import capture_output\nwith capture_output() as c:\n    display(1); clear_output(); display(2)");
        assert_eq!(bench.value("c.outputs"), "[2]");
    });
}

#[test]
fn formatters_are_registered_by_type() {
    with_bench(|bench| {
        bench.cell(
            "formatter = get_ipython().display_formatter\nhtml = formatter.formatters['text/html']; text = formatter.formatters['text/plain']\n\
             class Base: pass\nclass Child(Base): pass\n\
             before = html.for_type(Base, lambda obj: '<base>')",
        );
        assert_eq!(
            bench.value("(before, formatter.format(Child())[0]['text/html'])"),
            "(None, '<base>')"
        );
        assert_eq!(bench.value("html.lookup(Child())(0)"), "'<base>'");
        bench.cell("later = html.for_type_by_name('fractions', 'Fraction', lambda obj: f'<{obj}>')\nfrom fractions import Fraction");
        assert_eq!(
            bench.value("formatter.format(Fraction(1, 2))[0]['text/html']"),
            "'<1/2>'"
        );
        bench.cell("gone = html.pop(Base)");
        assert_eq!(
            bench.value("'text/html' in formatter.format(Child())[0]"),
            "False"
        );
        assert_eq!(bench.failing("html.pop(Base)").exception, "KeyError");
        assert_eq!(bench.value("html.pop(Base, 'none')"), "'none'");
        bench.cell("formatter.active_types = ['text/plain']");
        assert_eq!(
            bench.value("list(formatter.format(Fraction(1, 2))[0])"),
            "['text/plain']"
        );
        bench.cell("old = text.for_type(int, lambda n, p, cycle: p.text(f'{n:#x}'))");
        assert_eq!(shown(bench, "[255, 'a']"), "[0xff, 'a']");
        assert_eq!(shown(bench, "255"), "0xff");
        bench.cell("gone = text.pop(int); text.float_precision = 2");
        assert_eq!(shown(bench, "[1.0, 2/3]"), "[1.00, 0.67]");
        bench.cell("text.float_precision = '%.1e'");
        assert_eq!(shown(bench, "12345.0"), "1.2e+04");
        assert!(
            bench
                .failing("text.float_precision = 'many'")
                .message
                .contains("many")
        );
        bench.cell("text.float_precision = ''; text.pprint = False");
        assert_eq!(shown(bench, "['a' * 50, 'b' * 50]").lines().count(), 1);
        bench.cell("text.pprint = True; text.max_width = 20");
        assert_eq!(
            shown(bench, "['aaaaaaaa', 'bbbbbbbb']"),
            "['aaaaaaaa',\n 'bbbbbbbb']"
        );
    });
}

#[test]
fn objects_that_know_one_form_of_themselves() {
    let folder = std::env::temp_dir().join(format!("rhumba-display-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("made");
    let path = folder.to_string_lossy().into_owned();
    with_bench(|bench| {
        bench.cell("import os\nfrom IPython.display import *\nfrom rhumba._formatters import formatter\ndef form(obj, kind): return formatter().format(obj)[0].get(kind)");
        bench.cell(&format!("os.chdir({path:?})\nopen('a.html', 'w').write('<i>'); open('a.svg', 'w').write('<?xml?><svg>x</svg>\\n')\npng = b'\\x89PNG\\r\\n\\x1a\\n' + bytes(8) + (300).to_bytes(4, 'big') + (200).to_bytes(4, 'big')\nopen('a.png', 'wb').write(png)"));
        for (source, expected) in [
            ("form(HTML('<b>'), 'text/html')", "'<b>'"),
            ("form(HTML(filename='a.html'), 'text/html')", "'<i>'"),
            ("form(Markdown('*a*'), 'text/markdown')", "'*a*'"),
            ("form(Math('x^2'), 'text/latex')", r"'$\\displaystyle x^2$'"),
            (
                "form(SVG(filename='a.svg'), 'image/svg+xml')",
                "'<svg>x</svg>'",
            ),
            ("form(JSON({'a': 1}), 'application/json')", "{'a': 1}"),
            ("form(JSON('[1]'), 'application/json')", "[1]"),
            ("form(Javascript('f()'), 'application/javascript')", "'f()'"),
            ("form(Pretty('as it is'), 'text/plain')", "'as it is'"),
            ("form(Image('a.png'), 'image/png') == png", "True"),
            ("form(Image(png, width=5), 'image/png') == png", "True"),
            (
                "formatter().format(Image(png, width=5))[1]",
                "{'image/png': {'width': 5}}",
            ),
            ("Image(png, retina=True).width", "150"),
            (
                "form(Image(url='http://a/b.jpg'), 'text/html')",
                r#"'<img src="http://a/b.jpg"/>'"#,
            ),
            (
                "form(IFrame('http://a', 3, 4, k=1), 'text/html')[:44]",
                r#"'<iframe width="3" height="4" src="http://a?k'"#,
            ),
            (
                "form(YouTubeVideo('xyz'), 'text/html').count('embed/xyz')",
                "1",
            ),
            (
                "form(Audio([0, 0.5, -0.5], rate=8000), 'text/html')[:58]",
                r#"'<audio controls="controls" src="data:audio/wav;base64,UklG'"#,
            ),
            (
                "form(Video('a.mp4'), 'text/html')",
                r#"'<video src="a.mp4" controls></video>'"#,
            ),
            (
                "form(FileLink('a.html'), 'text/html')",
                r#"'<a href="a.html" target="_blank">a.html</a><br>'"#,
            ),
            (
                "form(FileLink('a.html'), 'text/plain') == os.path.abspath('a.html')",
                "True",
            ),
            (
                "repr(FileLinks('.')).splitlines()",
                "['./', '  a.html', '  a.png', '  a.svg']",
            ),
            ("form(Code('x < 1'), 'text/html')", "'<pre>x &lt; 1</pre>'"),
            ("form(ProgressBar(4), 'text/html').count('max=\"4\"')", "1"),
        ] {
            assert_eq!(bench.value(source), expected, "{source}");
        }
        assert_eq!(bench.failing("HTML(5)").exception, "TypeError");
        assert_eq!(
            bench.failing("Image(b'', format='bmp')").exception,
            "ValueError"
        );
        assert_eq!(bench.failing("FileLink('.')").exception, "ValueError");
        assert_eq!(
            bench.failing("HTML(filename='none')").exception,
            "FileNotFoundError"
        );
    });
    std::fs::remove_dir_all(folder).expect("removed");
}

"""The line of a magic: its options and its words.

What they mean is the magic's. Those of the interpreter's own magics, which end
where a statement begins, are in its `_magics.py`.
"""

from rhumba.shell import UsageError


def parse(magic, line, known, words_max=0):
    """Returns the options of a magic's line as a dict, and its other words as a list.

    known: for each option the name that it sets, and its value, or `str` for
        one whose value follows it: `-t 0`, `-t0`, `--targets=0`
    words_max: how many words may stand beside the options

    Raises UsageError for a line that doesn't make sense.
    """
    import shlex

    try:
        waiting = shlex.split(line)
    except ValueError as failure:
        raise UsageError(f"{magic}: {line!r} can't be split into words: {failure}") from None
    options, words = {}, []
    waiting.reverse()
    while waiting:
        word = waiting.pop()
        if words_max and not word.startswith("-"):
            words.append(word)
            continue
        word, inline, value = word.partition("=")
        if not inline and word[:1] == "-" and word[:2] != "--" and word not in known:
            # -t0 is -t 0
            word, inline, value = word[:2], len(word) > 2, word[2:]
        if word not in known:
            raise UsageError(f"{magic} has no option {word!r}; it has {' '.join(known)}")
        name, setting = known[word]
        if setting is str:
            if not inline:
                if not waiting:
                    raise UsageError(f"{magic}: {word} needs a value behind it")
                value = waiting.pop()
            setting = value
        elif inline:
            raise UsageError(f"{magic}: {word} takes no value")
        options[name] = setting
    if len(words) > words_max:
        raise UsageError(f"{magic} doesn't know what to do with {' '.join(words[words_max:])!r}")
    return options, words

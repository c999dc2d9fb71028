"""Functions that run elsewhere: decorators and references.

    rhumba -n 4 examples/functions.py

Counting words. The text lies in parts on the engines; decorated functions look local and run there, take
what they need along, and refer to each engine's own part by name.
"""

import ipyparallel as ipp

TEXT = """
It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of
foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it
was the season of Darkness, it was the spring of hope, it was the winter of despair, we had everything
before us, we had nothing before us.
"""


def main():
    client = ipp.Client()
    client.wait_for_engines(1)
    everyone = client[:]
    everyone.scatter("part", TEXT.split(), block=True)

    @everyone.remote(block=True)
    @ipp.require("collections", "string")
    def counts(words):
        plain = (word.strip(string.punctuation).lower() for word in words)  # noqa: F821
        return collections.Counter(plain)  # noqa: F821

    @everyone.parallel(block=True)
    def lengths(words):
        return [len(word) for word in words]

    parts = counts(ipp.Reference("part"))
    total = sum(parts[1:], parts[0])
    print(", ".join(f"{word} {count}" for word, count in total.most_common(5)))
    assert total["was"] == 10 and total["of"] == 10 and total["season"] == 2
    assert sum(total.values()) == len(TEXT.split())

    assert lengths(TEXT.split()) == [len(word) for word in TEXT.split()]

    with everyone.sync_imports(quiet=True):
        import statistics
    everyone.execute("middle = statistics.median(map(len, part))", block=True)
    assert statistics.median(everyone["middle"]) == 3

    @ipp.interactive
    def first_word():
        return part[0]  # noqa: F821

    print("parts begin with: " + ", ".join(everyone.apply_sync(first_word)))


if __name__ == "__main__":
    main()

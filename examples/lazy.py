"""Input without an end: a map that takes it as it goes.

    rhumba -n 4 examples/lazy.py

Searching for a number whose hash begins with zeros. Nobody knows how many have to be tried; candidates
are made up as engines have room, and nothing more is made once the answer is there.
"""

import hashlib
import itertools

import ipyparallel as ipp

def search(begin):
    """Returns the first number of a block whose hash begins with zeros, or None."""
    import hashlib

    for number in range(begin, begin + 100):
        if hashlib.sha256(f"rhumba{number}".encode()).hexdigest().startswith("000"):
            return number
    return None


def main():
    client = ipp.Client()
    client.wait_for_engines(1)
    view = client.load_balanced_view()
    made = []

    def begins():
        for begin in itertools.count(0, 100):
            made.append(begin)
            yield begin

    room = 2 * len(client)
    lazy = view.imap(search, begins(), max_outstanding=room)
    for looked_at, found in enumerate(lazy, start=1):
        if found is not None:
            lazy.cancel()
            break
    digest = hashlib.sha256(f"rhumba{found}".encode()).hexdigest()
    assert digest.startswith("000"), digest
    assert looked_at <= len(made) <= looked_at + 2 * room, (looked_at, len(made))
    print(f"rhumba{found}: {digest[:12]}…, in block {looked_at} of {len(made)} that were made")


if __name__ == "__main__":
    main()

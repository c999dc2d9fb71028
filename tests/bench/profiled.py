"""What `bench_shell.py` profiles: each function is nothing but calls of one kind, the last a program with all of them.

Python of any make runs it unchanged. None of them takes arguments or shows anything.
"""

import json


def recursion():
    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    return fibonacci(20)


class Counter:
    def __init__(self):
        self.count = 0

    def add(self, number):
        self.count += number


def methods():
    counter = Counter()
    for number in range(50_000):
        counter.add(number)
    return counter.count


def generators():
    def evens(limit):
        for number in range(limit):
            yield 2 * number

    total = 0
    for number in evens(50_000):
        total += number
    return total


def natives():
    values = [1, 2, 3]
    total = 0
    for _ in range(100_000):
        total += len(values)
    return total


class Word:
    def __init__(self, text):
        self.text = text
        self.places = []

    def seen(self, place):
        self.places.append(place)

    def weight(self):
        return sum(1 / (1 + place) for place in self.places) * len(self.text)


def sentences(count):
    for number in range(count):
        yield f"the {number % 7} engines of cluster {number % 11} hold part {number} of the data, and wait"


def program():
    """An index of words: generators, classes, natives, and Python in between."""
    words = {}
    for place, sentence in enumerate(sentences(1_500)):
        for text in sentence.replace(",", "").split():
            word = words.get(text)
            if word is None:
                word = words[text] = Word(text)
            word.seen(place)
    ranked = sorted(words.values(), key=lambda word: (-word.weight(), word.text))
    return len(json.dumps([[word.text, len(word.places)] for word in ranked]))


KINDS = [recursion, methods, generators, natives, program]

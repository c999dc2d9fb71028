"""Steering engines by hand: the way of a direct view.

    rhumba -n 4 examples/steering.py

The game of life on a torus, its rows spread over the engines. In each step every engine is given the
row above and the row below its own by its neighbours, by way of this process, and works out its next
generation. Names stay on the engines from step to step: only the edges travel.
"""

import ipyparallel as ipp

WIDTH, HEIGHT, STEPS = 32, 24, 48

# A glider, which is where it was, one row and one column on, after four steps.
GLIDER = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}

STEP = """
def count(rows, x, y):
    near = [(x - 1) % width, x, (x + 1) % width]
    return sum(rows[y + dy][nx] for dy in (-1, 0, 1) for nx in near) - rows[y][x]

padded = [above] + board + [below]
board = [
    [int(count(padded, x, y) in ((2, 3) if padded[y][x] else (3,))) for x in range(width)]
    for y in range(1, len(padded) - 1)
]
"""


def play(engines):
    """Plays on the engines and returns the cells that live in the end."""
    begin = [[int((x, y) in GLIDER) for x in range(WIDTH)] for y in range(HEIGHT)]
    engines.push({"width": WIDTH}, block=True)
    engines.scatter("board", begin, block=True)
    for _ in range(STEPS):
        engines.execute("top, bottom = board[0], board[-1]", block=True)
        tops, bottoms = engines["top"], engines["bottom"]
        engines.scatter("above", bottoms[-1:] + bottoms[:-1], flatten=True, block=True)
        engines.scatter("below", tops[1:] + tops[:1], flatten=True, block=True)
        engines.execute(STEP, block=True)
    rows = engines.gather("board", block=True)
    return {(x, y) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell}


def main():
    client = ipp.Client()
    client.wait_for_engines(1)
    engines = client[:]
    alive = play(engines)
    way = STEPS // 4
    expected = {((x + way) % WIDTH, (y + way) % HEIGHT) for x, y in GLIDER}
    for y in range(HEIGHT):
        print("".join("#" if (x, y) in alive else "." for x in range(WIDTH)))
    assert alive == expected, (alive, expected)
    print(f"The glider is {way} rows and columns on, over the parts of {len(engines)} engines.")


if __name__ == "__main__":
    main()

"""The dice fall as those of the standard library do."""

from random import Random

from sim.workload_dice import Dice


def test_the_same_seed_gives_the_numbers_of_the_standard_library() -> None:
    dice, chance = Dice(7), Random(7)
    weights, sums = (3, 1, 6), (3, 4, 10)
    for end in (1, 2, 3, 12, 400, 2**45, 2**70):
        for _ in range(50):
            assert dice.randrange(end) == chance.randrange(end)
            assert dice.randrange(-5, end) == chance.randrange(-5, end)
            assert dice.randint(-end, end) == chance.randint(-end, end)
            assert dice.choice(weights) == chance.choice(weights)
            assert dice.weighted("abc", sums) == chance.choices("abc", cum_weights=sums)[0]
            assert dice.random() == chance.random()
    assert dice.randbytes(9) == chance.randbytes(9)

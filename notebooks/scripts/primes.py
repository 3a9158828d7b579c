"""Which of these numbers are prime? In Python: `serial`, `threads` or `processes`, says the argument."""

import math
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

NUMBERS = [
    112272535095293,
    112582705942171,
    112272535095293,
    115280095190773,
    115797848077099,
    1099726899285419,
]


def is_prime(n: int) -> bool:
    return n % 2 != 0 and all(n % divisor for divisor in range(3, math.isqrt(n) + 1, 2))


def main() -> None:
    how = sys.argv[1] if len(sys.argv) > 1 else "serial"
    if how == "serial":
        answers = map(is_prime, NUMBERS)
    else:
        pool = {"threads": ThreadPoolExecutor, "processes": ProcessPoolExecutor}[how]()
        answers = pool.map(is_prime, NUMBERS)
    for n, answer in zip(NUMBERS, answers):
        print(f"{n} is prime: {answer}")


if __name__ == "__main__":
    main()

"""The bytes of bodies that are held at a time, over all calls: what comes beyond is refused rather than held."""

from typing import Final

from addons.foundry.refusals import Refusal


class BodyBytes:
    """Counts the bytes of bodies under way, as sent and as decoded. For one event loop: nothing here waits or locks.

    Whoever takes gives back the same, once, however the call ends.
    """

    def __init__(self, total: int) -> None:
        """``total`` in bytes, as ``limits.body_bytes`` has it."""
        self.total: Final = total
        self.taken = 0

    def take(self, count: int) -> bool:
        """Takes ``count`` bytes; False, and nothing is taken, where as many are not left."""
        if self.taken + count > self.total:
            return False
        self.taken += count
        return True

    def give_back(self, count: int) -> None:
        """Gives back what was taken.

        Raises:
            ValueError: it is more than was taken.
        """
        if count > self.taken:
            raise ValueError(f"{count} bytes given back of {self.taken} taken")
        self.taken -= count


class Share:
    """What one holder has of such bytes."""

    def __init__(self, budget: BodyBytes) -> None:
        self._budget = budget
        self._held = 0

    def hold(self, count: int) -> bool:
        """Holds ``count`` bytes from now on; False, and what was held stays, where there are not enough."""
        if count > self._held and not self._budget.take(count - self._held):
            return False
        self._budget.give_back(max(0, self._held - count))
        self._held = count
        return True


def full(budget: BodyBytes) -> Refusal:
    """The refusal of a body for which no bytes are left."""
    return Refusal(
        "bodies_full",
        f"The bodies of calls under way have reached limits.body_bytes, which is {budget.total} bytes."
        " Try again in a moment.",
    )

"""How far each task of a list really is, as claims and the queue know it; it decides nothing."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.schedule.model import Board, Claim, Outcome, Status, Task


def settled(board: Board) -> Board:
    """The board with every task complete whose branch landed, or whose work was done without a branch; and ready again
    where the claim that it was in progress under has expired, was given up, or was returned by the queue."""
    return replace(board, tasks=tuple(replace(task, status=_status(task, board)) for task in board.tasks))


def _status(task: Task, board: Board) -> Status:
    last = board.held.last.get(task.id)
    if task.status is Status.COMPLETE or landed_as(task, board):
        return Status.COMPLETE
    if last is None:
        return task.status
    if last.is_live(board.at):
        return last.status if last.status is not Status.READY else Status.IMPLEMENTING
    if last.outcome is Outcome.DONE:
        return Status.VERIFYING if last.branch and last.branch not in board.traffic.returned else _after(last)
    return Status.READY


def _after(done: Claim) -> Status:
    return Status.READY if done.branch else Status.COMPLETE


def landed_as(task: Task, board: Board) -> str:
    """The branch by which the task landed; '' where it has not."""
    last = board.held.last.get(task.id)
    done = last.branch if last is not None and last.outcome is Outcome.DONE else ""
    return next((name for name in (task.branch, done) if name and name in board.traffic.landed), "")

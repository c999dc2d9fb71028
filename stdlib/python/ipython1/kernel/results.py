"""What commands give, as it is shown at a prompt."""


class ResultList(list):
    """What a command gave on each engine: a list of dicts.

    id: the engine; number: that of the command there
    input: a dict of the command as it was written ('raw') and as it was run ('translated')
    stdout, stderr: what it printed; a value that it ended in is shown in `stdout`
    """

    def __repr__(self):
        lines = ["<Results List>"]
        for result in self:
            engine, number = result["id"], result["number"]
            lines.append(f"[{engine}] In [{number}]: {result['input']['raw'].rstrip()}")
            for name, key in (("Out", "stdout"), ("Err", "stderr")):
                if result[key]:
                    lines.append(f"[{engine}] {name}[{number}]: {result[key].rstrip()}")
            lines.append("")
        return "\n".join(lines)

    __str__ = __repr__


class QueueStatusList(list):
    """What engines have to do: a list of pairs (id, dict with 'pending' and 'queue').

    pending: the command that runs, or is about to; 'None' if there is none
    queue: a list of the commands behind it

    A command is its source code, or says what it does: 'push', 'apply f', 'a task'.
    """

    def __repr__(self):
        lines = ["<Queue Status List>"]
        for engine, status in self:
            lines.append(f"Engine: {engine}")
            lines.append(f"    Pending: {_first_line(status['pending'])}")
            lines += [f"    Command: {_first_line(command)}" for command in status["queue"]]
        return "\n".join(lines)

    __str__ = __repr__


def queue_status(client, ids):
    """Returns the QueueStatusList of these engines."""
    counts = client.queue_status(ids)
    commands = _commands(client, ids)
    listed = QueueStatusList()
    for engine in ids:
        count = counts[engine]
        if commands is None:
            texts = ["a command"] * count["queue"]
        else:
            texts = commands[engine]
        # Which engine has which task is told when the task has ended.
        texts = texts + ["a task"] * count["tasks"]
        listed.append((engine, {"pending": texts[0] if texts else "None", "queue": texts[1:]}))
    return listed


def _commands(client, ids):
    """Returns the texts of the commands at engines, by their ids; None if nobody has kept them."""
    from ipyparallel.client.hub import unfinished_requests
    from ipyparallel.error import TaskStoreError

    try:
        unfinished = unfinished_requests(client, ids)
    except TaskStoreError:
        return None
    return {engine: list(map(_text, records)) for engine, records in unfinished.items()}


def _text(record):
    if record["execute_input"] is not None:
        return record["execute_input"]
    return " ".join(filter(None, (record["kind"], record["function"])))


def _first_line(text):
    lines = text.strip().splitlines() or [""]
    return lines[0] + (" …" if len(lines) > 1 else "")


def result_of(reply, code):
    """Returns the dict for one reply of an engine."""
    metadata = reply.metadata
    shown = metadata["stdout"]
    for output in metadata["outputs"]:
        shown += output["data"].get("text/plain", "") + "\n"
    value = metadata["execute_result"]
    if value is not None:
        shown += value["data"]["text/plain"] + "\n"
    return {
        "id": metadata["engine_id"],
        "number": reply.execution_count,
        "input": {"raw": code, "translated": code},
        "stdout": shown,
        "stderr": metadata["stderr"],
    }

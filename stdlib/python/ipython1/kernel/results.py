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

    pending: the command that runs, or 'None'; queue: how many wait behind it
    """

    def __repr__(self):
        lines = []
        for engine, status in self:
            lines.append(f"Engine: {engine}")
            lines.append(f"    Pending: {status['pending']}")
            lines.append(f"    Queue: {status['queue']}")
        return "\n".join(lines)


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

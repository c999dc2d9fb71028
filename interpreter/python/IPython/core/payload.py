"""What magics leave for whoever shows the cells: texts for the next prompt, pages, by their source.

A frontend reads it behind each cell. The shell on a terminal asks for none of it: there `set_next_input` and the
pager do the same at once.
"""

__all__ = ["PayloadManager"]


class PayloadManager:
    """Payloads of the cell that runs: dicts, each with a "source" that says what kind it is of."""

    def __init__(self, parent=None, **options):
        self._payload = []

    def write_payload(self, data, single=True):
        """Leaves a payload; `single`: in the place of one with the same source."""
        if not isinstance(data, dict):
            raise TypeError(f"a payload is a dict, not {data!r}")
        if single and "source" in data:
            for index, known in enumerate(self._payload):
                if known.get("source") == data["source"]:
                    self._payload[index] = data
                    return
        self._payload.append(data)

    def read_payload(self):
        """The payloads so far."""
        return self._payload

    def clear_payload(self):
        self._payload = []

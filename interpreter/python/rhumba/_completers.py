"""Completion by programs' own functions: for a command, or for everything.

They are asked before the shell looks for itself. One that raises is told of once
and then left out.
"""

import re
import sys


class Completers:
    """Functions of an event; the event says what is typed."""

    def __init__(self):
        self._entries = []
        # Functions of the word to complete, or of a context: `get_ipython().Completer.custom_matchers`.
        self.matchers = []

    def add(self, function, command=None, pattern=None, at=None):
        """Adds a function: for lines that begin with a command or match a pattern, or for all lines."""
        if pattern is not None and not hasattr(pattern, "match"):
            pattern = re.compile(pattern)
        entry = function, command, pattern
        # The last one added is the first asked, as a hook that is set again replaces what was there.
        self._entries.insert(0 if at is None else at, entry)

    def matches(self, line, symbol):
        """What the functions offer in the place of `symbol`; None if none has anything to say."""
        words = line.split()
        command = words[0] if words else ""
        event = Event(line, symbol, command, line)
        offered = None
        for entry in list(self._entries):
            function, wanted, pattern = entry
            if wanted is not None and command not in (wanted, "%" + wanted):
                continue
            if pattern is not None and not pattern.match(command):
                continue
            found = self._asked(entry, function, event)
            if found is None:
                continue
            offered = (offered or []) + [each for each in found if each.startswith(symbol)]
            if wanted is not None or pattern is not None:
                break
        found = self._of_matchers(line, symbol)
        return (offered or []) + found if found else offered

    def _of_matchers(self, line, symbol):
        """What the matchers offer, those of a higher priority first; one may leave out what others do."""
        asked, left_out = [], []
        for matcher in sorted(self.matchers, key=lambda each: -getattr(each, "matcher_priority", 0)):
            name = getattr(matcher, "matcher_identifier", None) or getattr(matcher, "__qualname__", repr(matcher))
            if any(_leaves_out(rule, name) for rule in left_out):
                continue
            told = self._asked_matcher(matcher, line, symbol)
            found = [each for each in told.get("completions", ()) if each.startswith(symbol)]
            if found:
                asked.append((name, found))
                if told.get("suppress"):
                    left_out.append((name, told["suppress"], told.get("do_not_suppress") or ()))
        kept = [found for name, found in asked if not any(_leaves_out(rule, name) for rule in left_out)]
        return [each for found in kept for each in found]

    def _asked_matcher(self, matcher, line, symbol):
        try:
            if getattr(matcher, "matcher_api_version", 1) == 1:
                return {"completions": [str(each) for each in matcher(symbol) or ()]}
            from IPython.core.completer import CompletionContext

            told = matcher(CompletionContext(symbol, line, len(line), 0, None))
            return {**told, "completions": [each.text for each in told["completions"]]}
        except Exception as failure:
            self.matchers.remove(matcher)
            _tell_of(matcher, failure)
            return {}

    def _asked(self, entry, function, event):
        from rhumba.shell import get_ipython

        try:
            takes_shell = _argument_count(function) == 2
            found = function(get_ipython(), event) if takes_shell else function(event)
            return None if found is None else [str(each) for each in found]
        except Exception as failure:
            if type(failure).__name__ == "TryNext":
                return None
            self._entries.remove(entry)
            _tell_of(function, failure)
            return None


def _leaves_out(rule, name):
    """Whether a matcher leaves out what another offers: all but some, or those that it names."""
    owner, suppressed, kept = rule
    return name != owner and name not in kept and (suppressed is True or name in suppressed)


def _tell_of(function, failure):
    name = getattr(function, "__name__", repr(function))
    told = f"{type(failure).__name__}: {failure}"
    print(f"\nThe completer {name} failed and isn't asked again. {told}", file=sys.stderr)


class Event:
    """What is typed: the line up to the cursor, its first word, and the word to complete."""

    def __init__(self, line, symbol, command, text_until_cursor):
        self.line = line
        self.symbol = symbol
        self.command = command
        self.text_until_cursor = text_until_cursor


def _argument_count(function):
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return 1
    return code.co_argcount - (getattr(function, "__self__", None) is not None)

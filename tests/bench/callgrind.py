"""What callgrind counted: instructions and calls by function, and the slope between a short and a long run."""
import collections
import os

# The columns of a Profile: instructions of the function itself, with all that it called, and how often it was called.
OWN, INCLUSIVE, CALLS = range(3)


class Profile:
    """functions: for (object, function) a count a column; edges: for a pair of those the instructions and the calls of the one by the other."""

    def __init__(self):
        self.functions = [collections.Counter() for _ in range(3)]
        self.edges = [collections.Counter() for _ in range(2)]

    def slope(self, other, records):
        """This run less the other, by the records that this one has more: counts a record, without starting and stopping."""
        result = Profile()
        for into, mine, theirs in zip(result.functions + result.edges, self.functions + self.edges, other.functions + other.edges):
            for name in mine.keys() | theirs.keys():
                into[name] = (mine[name] - theirs[name]) / records
        return result

    def objects(self):
        """Instructions by program or library, by its file name."""
        found = collections.Counter()
        for (path, _), count in self.functions[OWN].items():
            found[os.path.basename(path)] += count
        return found


def parse(path):
    """The profile in a file that callgrind wrote with --compress-strings=no --compress-pos=no, of all threads together."""
    profile = Profile()
    own, inclusive, calls = profile.functions
    edge_instructions, edge_calls = profile.edges
    where = who = other = callee = None
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("ob="):
                where = line[3:].rstrip()
            elif line.startswith("fn="):
                who, other = (where, line[3:].rstrip()), None
            elif line.startswith("cob="):
                other = line[4:].rstrip()
            elif line.startswith("cfn="):
                callee = (other or where, line[4:].rstrip())
            elif line.startswith("calls="):
                count = int(line[6:].split()[0])
                calls[callee] += count
                edge_calls[who, callee] += count
                # The next line says what these calls cost.
                edge_instructions[who, callee] += (cost := int(next(file).split()[1]))
                inclusive[who] += cost
                other = None
            elif line[:1].isdigit():
                cost = int(line.split()[1])
                own[who] += cost
                inclusive[who] += cost
    return profile

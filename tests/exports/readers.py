"""Readers of what slabreport exports, written from the formats' own descriptions, and of its XML: all give sums by call path.

A path is a tuple of names, the outermost first. Numbers are of all sites that have it; with_cache: its first name is the cache.
"""
import gzip
import json
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict

NAMESPACE = "{urn:slabrec:report:1}"
METRICS = ("bytes", "live", "growth", "allocs", "frees", "young", "wasted")
NO_STACK = ("[no stack]",)


def plain(text):
    """A name with what stands for bytes that are no character turned back, so that all formats say the same."""
    text = re.sub(r"\\u\{([0-9a-f]+)\}", lambda m: chr(int(m[1], 16)), text)
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)


def count(element, name):
    return int(element.get(name, 0))


def total(sums):
    return sum(sums.values())


class Model:
    """The XML."""

    def __init__(self, path):
        self.root = ElementTree.parse(path).getroot()
        find = lambda name: self.root.find(NAMESPACE + name)
        self.verdict = find("verdict")
        self.recording = find("recording")
        self.caches = {count(cache, "id"): cache for cache in find("caches")}
        self.frames = {count(frame, "id"): self.label(frame) for frame in find("frames")}
        self.nodes = {count(node, "id"): (count(node, "parent"), self.frames[count(node, "frame")]) for node in find("stacks")}
        self.sites = list(find("sites"))
        self.facts = {fact.get("key"): fact.get("value") for fact in find("facts") if fact.get("key")} if find("facts") is not None else {}

    @staticmethod
    def label(frame):
        if frame.get("function"):
            return plain(frame.get("function"))
        offset = int(frame.get("module-offset-bytes", 0))
        if frame.get("kind") == "user":
            return f"{plain(frame.get('file')).rsplit('/', 1)[-1]}+0x{offset:x}" if frame.get("file") else "[unknown]"
        return f"[{plain(frame.get('module'))}]+0x{offset:x}" if frame.get("module") else "[unknown]"

    def path(self, node):
        names = []
        while node:
            node, name = self.nodes[node]
            names.append(name)
        return tuple(reversed(names)) or NO_STACK

    def slot(self, site):
        cache = self.caches[count(site, "cache")]
        return count(cache, "slab-size-bytes") or count(cache, "object-size-bytes")

    def value(self, site, metric):
        suspect = site.find(NAMESPACE + "suspect")
        if metric == "growth":
            return int(float(suspect.get("low-rate", 0)) * (self.slot(site) or 1) + .5)
        if metric == "young":
            ages = [ages for ages in site.findall(NAMESPACE + "ages") if ages.get("of") == "freed"]
            return sum(count(age, "count") for ages in ages for age in ages if count(age, "from-ns") < 1 << 20)
        if metric == "wasted":
            return max(0, count(site, "live-bytes") - count(site, "live-bytes-req")) if count(site, "allocs-sized") else 0
        if metric == "alloc-bytes":
            return count(site, "allocs") * self.slot(site)
        return count(site, {"bytes": "live-bytes"}.get(metric, metric))

    def sums(self, metric, with_cache=False):
        sums = defaultdict(int)
        for site in self.sites:
            path = self.path(count(site, "node"))
            if with_cache:
                path = (plain(self.caches[count(site, "cache")].get("name")),) + path
            sums[path] += self.value(site, metric)
        return {path: value for path, value in sums.items() if value}


def without_zeros(sums):
    return {path: value for path, value in sums.items() if value}


def read_folded(path):
    sums = defaultdict(int)
    with open(path, encoding="ascii") as file:
        for line in file:
            stack, value = line.rstrip("\n").rsplit(" ", 1)
            sums[tuple(plain(name) for name in stack.split(";"))] += int(value)
    return sums


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def message(data):
    """The fields of a protobuf message: number -> list of integers or bytes."""
    fields, at = defaultdict(list), 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        elif key & 7:
            raise ValueError(f"wire type {key & 7}")
        fields[key >> 3].append(value)
    if at != len(data):
        raise ValueError("a field is cut")
    return fields


def numbers(packed):
    values, at = [], 0
    while at < len(packed):
        value, at = varint(packed, at)
        values.append(value)
    return values


class Pprof:
    def __init__(self, path):
        with gzip.open(path) as file:
            profile = message(file.read())
        self.strings = [text.decode("utf-8") for text in profile[6]]
        assert self.strings[0] == ""
        one = lambda fields, number: (fields[number] or [0])[0]
        text = lambda fields, number: self.strings[one(fields, number)]
        functions = {one(function, 1): text(function, 2) for function in map(message, profile[5])}
        self.mappings = [(text(mapping, 5), text(mapping, 6)) for mapping in map(message, profile[3])]
        self.has_inline = any(one(mapping, 10) for mapping in map(message, profile[3]))
        self.lines_most = max((len(location[4]) for location in map(message, profile[4])), default=0)
        locations = {}
        for location in map(message, profile[4]):
            assert 0 < one(location, 2) <= len(self.mappings)
            assert one(location, 3) < 1 << 48, "an address of the kernel"
            lines = [message(line) for line in location[4]]
            # Inlined functions come first: they are further inside.
            locations[one(location, 1)] = [plain(functions[one(line, 1)]) for line in lines]
        self.types = [(text(kind, 1), text(kind, 2)) for kind in map(message, profile[1])]
        self.default = text(profile, 14)
        self.comments = [self.strings[number] for number in profile[13]]
        self.samples = []
        for sample in map(message, profile[2]):
            inside_out = [name for location in numbers(sample[1][0]) for name in locations[location]]
            labels = {self.strings[one(label, 1)]: text(label, 2) for label in map(message, sample[3])}
            self.samples.append((tuple(reversed(inside_out)), numbers(sample[2][0]), labels))

    def sums(self, kind):
        at = [name for name, _ in self.types].index(kind)
        sums = defaultdict(int)
        for path, values, labels in self.samples:
            sums[(plain(labels["cache"]),) + path] += values[at]
        return without_zeros(sums)


def read_speedscope(path):
    """By the profile's name."""
    with open(path, encoding="ascii") as file:
        data = json.load(file)
    frames = [plain(frame["name"]) for frame in data["shared"]["frames"]]
    profiles = {}
    for profile in data["profiles"]:
        sums = defaultdict(int)
        assert len(profile["samples"]) == len(profile["weights"])
        for stack, weight in zip(profile["samples"], profile["weights"]):
            sums[tuple(frames[frame] for frame in stack)] += weight
        assert sum(sums.values()) == profile["endValue"] - profile["startValue"]
        profiles[profile["name"]] = without_zeros(sums)
    return profiles


def read_firefox(path):
    """By the thread's name. Raises where a field that the format asks for is missing or of another kind."""
    with open(path, encoding="ascii") as file:
        data = json.load(file)
    check_firefox(data)
    tracks = {}
    for thread in data["threads"]:
        def path_of(stack):
            names = []
            while stack is not None:
                function = thread["frameTable"]["func"][thread["stackTable"]["frame"][stack]]
                names.append(plain(thread["stringArray"][thread["funcTable"]["name"][function]]))
                stack = thread["stackTable"]["prefix"][stack]
            return tuple(reversed(names))
        sums = defaultdict(int)
        for stack, weight in zip(thread["samples"]["stack"], thread["samples"]["weight"]):
            sums[path_of(stack)] += weight
        tracks[thread["name"]] = without_zeros(sums)
    return tracks


NUMBER, TEXT, FLAG, LIST = (int, float), str, bool, list
NUMBER_OR_NONE, INDEX = (int, float, type(None)), int
META = {"interval": NUMBER, "startTime": NUMBER, "processType": INDEX, "categories": LIST, "product": TEXT, "stackwalk": INDEX,
        "version": INDEX, "preprocessedProfileVersion": INDEX, "markerSchema": LIST, "symbolicated": FLAG}
LIB = {"arch": TEXT, "name": TEXT, "path": TEXT, "debugName": TEXT, "debugPath": TEXT, "breakpadId": TEXT, "codeId": (str, type(None))}
THREAD = {"name": TEXT, "processType": TEXT, "processStartupTime": NUMBER, "processShutdownTime": NUMBER_OR_NONE, "registerTime": NUMBER,
          "unregisterTime": NUMBER_OR_NONE, "pausedRanges": LIST, "isMainThread": FLAG, "pid": TEXT, "tid": (int, str), "samples": dict,
          "markers": dict, "stackTable": dict, "frameTable": dict, "funcTable": dict, "resourceTable": dict, "nativeSymbols": dict,
          "stringArray": LIST}
# Columns: what their values are; a name: an index in that table.
TABLES = {
    "samples": {"stack": "stackTable", "time": NUMBER, "weight": NUMBER},
    "markers": {"data": object, "name": "stringArray", "startTime": NUMBER_OR_NONE, "endTime": NUMBER_OR_NONE, "phase": NUMBER, "category": INDEX},
    "stackTable": {"frame": "frameTable", "category": "categories", "subcategory": INDEX, "prefix": "stackTable?"},
    "frameTable": {"address": INDEX, "inlineDepth": INDEX, "category": "categories", "subcategory": INDEX, "func": "funcTable",
                   "nativeSymbol": "nativeSymbols?", "innerWindowID": INDEX, "implementation": "stringArray?", "line": NUMBER_OR_NONE,
                   "column": NUMBER_OR_NONE},
    "funcTable": {"name": "stringArray", "isJS": FLAG, "relevantForJS": FLAG, "resource": "resourceTable-", "fileName": "stringArray?",
                  "lineNumber": NUMBER_OR_NONE, "columnNumber": NUMBER_OR_NONE},
    "resourceTable": {"lib": "libs", "name": "stringArray", "host": "stringArray?", "type": INDEX},
    "nativeSymbols": {"libIndex": "libs", "address": INDEX, "name": "stringArray", "functionSize": NUMBER_OR_NONE},
}


def check_fields(what, value, fields):
    for name, kind in fields.items():
        if name not in value:
            raise ValueError(f"{what} has no {name}")
        if not isinstance(value[name], kind) or (kind in (INDEX, NUMBER) and isinstance(value[name], bool)):
            raise ValueError(f"{what}.{name} is {value[name]!r:.40}")


def check_column(what, values, kind, sizes):
    if not isinstance(kind, str):
        if not all(isinstance(value, kind) for value in values):
            raise ValueError(f"{what} holds another kind of value")
        return
    size = sizes[kind.rstrip("?-")]
    for value in values:
        is_index = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < size
        if not is_index and not (kind.endswith("?") and value is None) and not (kind.endswith("-") and value == -1):
            raise ValueError(f"{what}: {value} is no index below {size}")


def check_firefox(data):
    """What src/types/profile and the changelog of the formats say of a processed profile of version 48."""
    check_fields("profile", data, {"meta": dict, "libs": LIST, "threads": LIST})
    check_fields("meta", data["meta"], META)
    if data["meta"]["preprocessedProfileVersion"] != 48:
        raise ValueError("not version 48")
    for category in data["meta"]["categories"]:
        check_fields("category", category, {"name": TEXT, "color": TEXT, "subcategories": LIST})
    if "grey" not in [category["color"] for category in data["meta"]["categories"]]:
        raise ValueError("no category is the default, grey")
    for lib in data["libs"]:
        check_fields("lib", lib, LIB)
    for thread in data["threads"]:
        check_fields("thread", thread, THREAD)
        if thread["samples"].get("weightType") not in ("samples", "tracing-ms", "bytes"):
            raise ValueError("no such weightType")
        sizes = {"categories": len(data["meta"]["categories"]), "libs": len(data["libs"]), "stringArray": len(thread["stringArray"])}
        sizes.update((table, thread[table]["length"]) for table in TABLES)
        for table, columns in TABLES.items():
            for column, kind in columns.items():
                values = thread[table].get(column)
                if not isinstance(values, list) or len(values) != thread[table]["length"]:
                    raise ValueError(f"{table}.{column} is no column of {thread[table]['length']}")
                check_column(f"{table}.{column}", values, kind, sizes)
        prefixes = thread["stackTable"]["prefix"]
        if any(prefix is not None and prefix >= i for i, prefix in enumerate(prefixes)):
            raise ValueError("a stack comes before its prefix")
        if thread["samples"]["time"] != sorted(thread["samples"]["time"]):
            raise ValueError("samples are not in the order of time")


class Dhat:
    def __init__(self, path):
        with open(path, encoding="ascii") as file:
            self.data = json.load(file)
        texts = self.data["ftbl"]
        # Behind the name stand its offset, file and line: the model has to tell the names.
        self.points = [((texts[point["fs"][0]],) + tuple(texts[frame] for frame in reversed(point["fs"][1:])), point) for point in self.data["pps"]]
        if len(set(tuple(point["fs"]) for point in self.data["pps"])) != len(self.points):
            raise ValueError("two program points are the same")

    def total(self, field):
        return sum(point[field] for _, point in self.points)


def read_valgrind(path):
    """Live objects and bytes by call path, and kinds."""
    root = ElementTree.parse(path).getroot()
    objects, size, kinds = defaultdict(int), defaultdict(int), defaultdict(int)
    for error in root.findall("error"):
        path = tuple(plain(frame.findtext("fn")) for frame in reversed(error.findall("stack/frame")))
        objects[path] += int(error.findtext("xwhat/leakedblocks"))
        size[path] += int(error.findtext("xwhat/leakedbytes"))
        kinds[error.findtext("kind")] += 1
    return objects, size, kinds

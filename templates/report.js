// The explorer: draws every call stack from the data in this page. Everything that decides the case is on the page without it.
"use strict";
{
var host = document.getElementById("explorer"), data = document.getElementById("data");
var ROW = 19, GLYPH = 6.7, ROWS_SHOWN = 60;

function element(tag, attributes, text) {
	var made = document.createElement(tag);
	for (var name in attributes)
		made.setAttribute(name, attributes[name]);
	if (text !== undefined)
		made.textContent = text;
	return made;
}

function say(text) {
	host.append(element("p", {class: "note"}, text));
}

// ---- data: columns of varints, see report/pack.h ----

function Reader(bytes) {
	this.bytes = bytes;
	this.at = 0;
}
Reader.prototype.u = function () {
	var value = 0, scale = 1, byte;
	do {
		byte = this.bytes[this.at++];
		value += (byte & 127) * scale;
		scale *= 128;
	} while (byte > 127);
	return value;
};
Reader.prototype.z = function () {
	var value = this.u();
	return value % 2 ? -(value + 1) / 2 : value / 2;
};
// Names are foreign bytes: what is no printable ASCII is shown as \xNN.
Reader.prototype.text = function (size) {
	var text = "";
	for (var end = this.at + size; this.at < end; this.at++) {
		var byte = this.bytes[this.at];
		text += byte > 31 && byte < 127 && byte !== 92 ? String.fromCharCode(byte) : "\\x" + (256 + byte).toString(16).slice(1);
	}
	return text;
};

function columnsOf(bytes) {
	var all = new Reader(bytes), columns = {};
	while (all.at < bytes.length) {
		var name = all.text(all.u()), size = all.u();
		columns[name] = new Reader(bytes.subarray(all.at, all.at + size));
		all.at += size;
	}
	return columns;
}

function readStrings(reader) {
	var strings = [""];
	while (reader.at < reader.bytes.length)
		strings.push(reader.text(reader.u()));
	return strings;
}

function readFrames(columns, count, strings) {
	var functions = [], number = new Map(), frames = new Uint32Array(count);
	for (var i = 0; i < count; i++) {
		var label = strings[columns["frames.function"].u()], flags = columns["frames.flags"].u(), file = columns["frames.file"];
		var module = strings[file.u()], offset = columns["frames.offset"];
		file.u();
		file.u();
		offset.u();
		var place = offset.u().toString(16), key;
		label = label || (module ? (flags & 1 ? module : "[" + module + "]") + "+0x" + place : "[unknown]");
		key = (flags & 1) + module + "\0" + label;
		if (!number.has(key)) {
			number.set(key, functions.length);
			functions.push({name: label, module, user: flags & 1, plain: flags >> 2 > 0});
		}
		frames[i] = number.get(key);
	}
	return {functions, frames};
}

function readSlots(columns, count) {
	var slots = [];
	for (var i = 0; i < count; i++)
		slots.push(columns["caches.slot"].u());
	return slots;
}

// Of a detailed site births and survivors by bucket, and how many were freed within a millisecond.
function readCounts(columns, name, into, first, places) {
	var place = columns[name + ".place"], count = columns[name + ".count"];
	for (var at = 0; at < places; at++) {
		var gap = place.u();
		if (!gap)
			return;
		at += gap - 1;
		into[first + at] = count.u();
	}
}

function readAges(columns, expected) {
	var range = columns["ages.range"], buckets = new Float64Array(192), young = 0;
	if (expected + range.z() === 0)
		return 0;
	range.u();
	range.z();
	range.z();
	readCounts(columns, "ages", buckets, 0, 192);
	for (var i = 0; i <= 10; i++)
		young += buckets[i];
	return young;
}

function readModel(bytes) {
	var c = columnsOf(bytes), strings = readStrings(c.strings), n = c.counts, skip;
	for (skip = 0; skip < 7; skip++)
		n.u();
	var m = {cacheCount: n.u()}, frameCount = n.u();
	n.u();
	m.siteCount = n.u();
	m.nodeCount = n.u();
	m.detailed = n.u();
	m.shift = n.u();
	m.duration = c.totals.u();
	m.buckets = Math.max(1, Math.min(64, Math.floor(m.duration / 2 ** m.shift) + 1));
	m.slots = readSlots(c, m.cacheCount);
	var read = readFrames(c, frameCount, strings);
	m.functions = read.functions;
	m.parent = new Uint32Array(m.nodeCount);
	m.fn = new Uint32Array(m.nodeCount);
	var back = c["nodes.parent"], frame = c["nodes.frame"];
	for (var i = 1; i < m.nodeCount; i++) {
		var b = back.u();
		m.parent[i] = b ? i - b : 0;
		m.fn[i] = read.frames[frame.u()];
	}
	["cache", "node", "allocs", "live", "bytes", "frees", "wasted", "young", "growth"].forEach(function (name) {
		m[name] = new Float64Array(m.siteCount);
	});
	for (i = 0; i < m.siteCount; i++)
		readSite(m, c, i);
	m.births = new Float64Array(64 * m.detailed);
	m.survivors = new Float64Array(64 * m.detailed);
	for (i = 0; i < m.detailed; i++)
		readDetails(m, c, i);
	return m;
}

function readSite(m, c, i) {
	var slot = m.slots[m.cache[i] = c["sites.cache"].u()], implied;
	m.node[i] = c["sites.node"].u();
	m.allocs[i] = c["sites.allocs"].u();
	m.live[i] = c["sites.live"].u();
	m.bytes[i] = m.live[i] * slot + c["sites.live_bytes"].z();
	implied = c["sites.frees_implied"].u();
	m.frees[i] = m.allocs[i] - m.live[i] + c["sites.frees"].z();
	var req = c["sites.bytes_req"].u(), sized = m.allocs[i] + c["sites.allocs_sized"].z();
	var liveReq = (sized ? Math.floor(req / sized) : 0) * m.live[i] + c["sites.live_bytes_req"].z();
	m.wasted[i] = sized ? Math.max(0, m.bytes[i] - liveReq) : 0;
}

function readDetails(m, c, i) {
	// The lower bound of the rate is a float whose bytes were turned round.
	var bits = new DataView(new ArrayBuffer(4));
	bits.setUint32(0, c["sites.low_rate"].u(), true);
	m.growth[i] = bits.getFloat32(0) * (m.slots[m.cache[i]] || 1);
	readCounts(c, "births", m.births, 64 * i, 64);
	readCounts(c, "survivors", m.survivors, 64 * i, 64);
	readCounts(c, "frees", [], 0, 64);
	m.young[i] = readAges(c, m.frees[i]);
	readAges(c, m.live[i]);
}

// ---- numbers ----

function count(value) {
	return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}
function bytesText(value) {
	var units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], unit = 0;
	for (; value >= 1024 && unit < 6; unit++)
		value /= 1024;
	return (unit && value < 100 ? value.toFixed(1) : count(value)) + " " + units[unit];
}
function percent(part, whole) {
	return whole ? (part === whole ? "100" : Math.min(99.9, 100 * part / whole).toFixed(1)) + " %" : "-";
}

var metrics = [
	{key: "bytes", name: "live bytes", text: bytesText, range: (m, s, born, kept) => kept * (m.slots[m.cache[s]] || 0)},
	{key: "live", name: "survivors", text: count, range: (m, s, born, kept) => kept},
	{key: "growth", name: "growth, lower bound", text: v => bytesText(v) + "/s", detailed: true},
	{key: "allocs", name: "allocations", text: count, range: (m, s, born) => born},
	{key: "frees", name: "frees", text: count, range: (m, s, born, kept) => born - kept},
	{key: "young", name: "temporary: freed within 1 ms", text: count, detailed: true},
	{key: "wasted", name: "wasted bytes: slot beyond what was asked for", text: bytesText}
];
var views = [["top", "top-down"], ["bottom", "bottom-up"], ["sandwich", "sandwich"], ["table", "table"]];

// ---- trees ----

// A call tree whose nodes are told apart by parent and function; 0 is the root, a parent's number is smaller.
function Tree(room) {
	this.parent = new Int32Array(room + 1);
	this.fn = new Int32Array(room + 1);
	this.depth = new Uint16Array(room + 1);
	this.count = 1;
	this.fn[0] = -1;
	for (this.mask = 63; this.mask < 2 * room;)
		this.mask = 2 * this.mask + 1;
	this.slots = new Int32Array(this.mask + 1);
}
// Where it is, or the free place where it belongs.
Tree.prototype.slot = function (parent, fn) {
	var at = (Math.imul(parent, 0x9e3779b1) ^ Math.imul(fn, 0x85ebca6b)) >>> 4 & this.mask, i;
	while ((i = this.slots[at]) && (this.parent[i] !== parent || this.fn[i] !== fn))
		at = at + 1 & this.mask;
	return at;
};
Tree.prototype.child = function (parent, fn) {
	var at = this.slot(parent, fn), i = this.slots[at];
	if (i)
		return i;
	i = this.slots[at] = this.count++;
	if (i === this.parent.length)
		this.grow();
	this.parent[i] = parent;
	this.fn[i] = fn;
	this.depth[i] = this.depth[parent] + 1;
	if (4 * this.count > 3 * this.mask)
		this.rehash();
	return i;
};
Tree.prototype.grow = function () {
	["parent", "fn", "depth"].forEach(name => {
		var old = this[name];
		this[name] = new old.constructor(2 * old.length);
		this[name].set(old);
	});
};
Tree.prototype.rehash = function () {
	this.mask = 2 * this.mask + 1;
	this.slots = new Int32Array(this.mask + 1);
	for (var i = 1; i < this.count; i++)
		this.slots[this.slot(this.parent[i], this.fn[i])] = i;
};
// Adds up, sorts children by weight and places them.
Tree.prototype.weigh = function (ends, values) {
	var n = this.count, weight = this.weight = new Float64Array(n), i, j;
	for (i = 0; i < ends.length; i++)
		if (ends[i] >= 0)
			weight[ends[i]] += values[i];
	var self = this.self = weight.slice(), first = new Int32Array(n + 1), kids = new Int32Array(n);
	for (i = n - 1; i > 0; i--)
		weight[this.parent[i]] += weight[i];
	for (i = 1; i < n; i++)
		if (weight[i] > 0)
			first[this.parent[i] + 1]++;
	for (i = 0; i < n; i++)
		first[i + 1] += first[i];
	var next = first.slice();
	for (i = 1; i < n; i++)
		if (weight[i] > 0)
			kids[next[this.parent[i]]++] = i;
	this.start = new Float64Array(n);
	this.deepest = 0;
	for (i = 0; i < n; i++) {
		if (first[i + 1] - first[i] > 1)
			kids.subarray(first[i], first[i + 1]).sort((a, b) => weight[b] - weight[a] || a - b);
		var x = this.start[i];
		for (j = first[i]; j < first[i + 1]; j++) {
			this.start[kids[j]] = x;
			x += weight[kids[j]];
		}
		if (weight[i] > 0 && this.depth[i] > this.deepest)
			this.deepest = this.depth[i];
	}
	this.first = first;
	this.kids = kids;
	this.self = self;
};

// ---- the explorer ----

var m, state, initial, focused = 0, scrolled = 0, moreShown, shown, below, callers, treeKey, hits, boxes, colours, hiddenCount, dragging, ownHash;
var canvas, canvasHeight, detail, grid, gridBody, strip, found, findBox, viewBox, metricBox, flameButton, plainButton, allButton, fromBox, toBox, rangeText;

function explore(model) {
	m = model;
	state = {view: "top", metric: "bytes", flame: 0, plain: 0, node: 0, fn: -1, from: 0, to: m.buckets - 1, find: ""};
	if (!m.bytes.some(value => value > 0))
		state.metric = m.live.some(value => value > 0) ? "live" : "allocs";
	initial = Object.assign({}, state);
	build();
	readHash();
	update(true);
}

function metricNow() {
	return metrics.find(metric => metric.key === state.metric) || metrics[0];
}

function isBrushed() {
	return state.from > 0 || state.to < m.buckets - 1;
}

// What each stack weighs; in a part of the time only stacks with a history do.
function siteValues() {
	var metric = metricNow();
	if (!isBrushed() || !metric.range)
		return m[metric.key];
	var values = new Float64Array(m.siteCount);
	for (var i = 0; i < m.detailed; i++) {
		var born = 0, kept = 0;
		for (var b = state.from; b <= state.to; b++) {
			born += m.births[64 * i + b];
			kept += m.survivors[64 * i + b];
		}
		values[i] = metric.range(m, i, born, kept);
	}
	return values;
}

function isHidden(fn) {
	return !state.plain && m.functions[fn].plain;
}

// Where each site's stack ends in the tree.
function topDown() {
	var tree = new Tree(m.nodeCount), of = new Int32Array(m.nodeCount), ends = new Int32Array(m.siteCount), hidden = new Set();
	for (var i = 1; i < m.nodeCount; i++) {
		var parent = m.parent[i] ? of[m.parent[i]] : 0;
		if (isHidden(m.fn[i])) {
			of[i] = parent;
			hidden.add(m.fn[i]);
		} else
			of[i] = tree.child(parent, m.fn[i]);
	}
	for (i = 0; i < m.siteCount; i++)
		ends[i] = m.node[i] ? of[m.node[i]] : 0;
	hiddenCount = hidden.size;
	return {tree, ends};
}

// Stacks from the inside out, all or, for the sandwich, from the outermost place of the function; or from there inwards.
function walked(fn, isInwards) {
	var tree = new Tree(1024), ends = new Int32Array(m.siteCount).fill(-1), values = siteValues(), hidden = new Set(), path = [];
	for (var i = 0; i < m.siteCount; i++) {
		var at = -1, step = isInwards ? -1 : 1, to = 0;
		if (!(values[i] > 0))
			continue;
		path.length = 0;
		for (var node = m.node[i]; node; node = m.parent[node]) {
			if (m.fn[node] === fn)
				at = path.length;
			path.push(m.fn[node]);
		}
		if (fn < 0)
			at = 0;
		if (at < 0)
			continue;
		for (; at >= 0 && at < path.length; at += step)
			if (path[at] === fn || !isHidden(path[at]))
				to = tree.child(to, path[at]);
			else
				hidden.add(path[at]);
		ends[i] = to;
	}
	hiddenCount = hidden.size;
	return {tree, ends};
}

// ---- controls ----

function build() {
	var tools = element("div", {class: "tools", role: "group", "aria-label": "Explorer"});
	function choose(label, list, key) {
		var box = element("label", {}, label + " "), select = element("select", {"data-key": key});
		list.forEach(item => { select.append(element("option", {value: item[0]}, item[1])); });
		select.addEventListener("change", () => change(key, select.value));
		box.append(select);
		tools.append(box);
		return select;
	}
	function button(text, act) {
		var made = element("button", {type: "button"}, text);
		made.addEventListener("click", act);
		tools.append(made);
		return made;
	}
	viewBox = choose("View", views, "view");
	metricBox = choose("by", metrics.map(metric => [metric.key, metric.name]), "metric");
	findBox = element("input", {type: "search", placeholder: "Find: regular expression", "aria-label": "Find functions by a regular expression", "data-key": "find"});
	findBox.addEventListener("input", () => change("find", findBox.value, true));
	tools.append(findBox);
	found = element("span", {role: "status", class: "found"});
	tools.append(found);
	flameButton = button("Flame", () => change("flame", +!state.flame));
	plainButton = button("", () => change("plain", +!state.plain));
	allButton = button("Show all", () => zoom(0));
	host.append(tools);
	buildBrush();
	canvas = element("canvas", {class: "explorer", tabindex: "0", role: "img", "aria-describedby": "explorer-keys", "aria-label": "Call stacks. The table below has the same."});
	detail = element("p", {class: "detail", role: "status"});
	host.append(canvas, detail);
	host.append(element("p", {class: "note keys", id: "explorer-keys"}, "Keys: arrows walk, Enter zooms in, Backspace out, Escape shows all, s opens the function in the sandwich, f turns the picture, h shows or hides allocator and entry functions, / searches."));
	grid = element("table", {role: "treegrid", "aria-label": "Call stacks: the chosen function with its callers and what is below it", class: "grid"});
	var wide = element("div", {class: "wide", tabindex: "0"});
	wide.append(grid);
	host.append(wide);
	listen();
}

function buildBrush() {
	var box = element("div", {class: "brush"});
	if (!m.detailed || m.buckets < 2)
		return;
	strip = element("canvas", {class: "strip-chart", role: "img", "aria-label": "What was allocated over time and is still live; the range is chosen by the two sliders"});
	box.append(strip);
	function slider(label, key) {
		var input = element("input", {type: "range", min: "0", max: String(m.buckets - 1), "aria-label": label, "data-key": key});
		input.addEventListener("input", () => brush(key, +input.value));
		box.append(input);
		return input;
	}
	fromBox = slider("Allocated from", "from");
	toBox = slider("Allocated to", "to");
	rangeText = element("span", {role: "status", class: "range"});
	box.append(rangeText);
	strip.addEventListener("pointerdown", event => {
		dragging = bucketAt(event);
		strip.setPointerCapture(event.pointerId);
	});
	strip.addEventListener("pointermove", event => {
		if (dragging === undefined)
			return;
		var here = bucketAt(event);
		state.from = Math.min(here, dragging);
		state.to = Math.max(here, dragging);
		update(true);
	});
	strip.addEventListener("pointerup", event => {
		if (bucketAt(event) === dragging) {
			state.from = 0;
			state.to = m.buckets - 1;
			update(true);
		}
		dragging = undefined;
		writeHash();
	});
	host.append(box);
}

function bucketAt(event) {
	var box = strip.getBoundingClientRect();
	return Math.max(0, Math.min(m.buckets - 1, Math.floor((event.clientX - box.left) / box.width * m.buckets)));
}

function brush(key, value) {
	state[key] = value;
	if (state.from > state.to)
		state[key === "from" ? "to" : "from"] = value;
	update(true);
	writeHash(true);
}

function change(key, value, isTyping) {
	state[key] = value;
	if (key === "view" || key === "plain") {
		state.node = focused = 0;
		if (key === "view" && value === "sandwich" && state.fn < 0)
			state.fn = heaviest();
	}
	update(key !== "find" && key !== "flame");
	writeHash(isTyping);
}

// The function of the first stack that is neither allocator nor entry.
function heaviest() {
	var values = siteValues(), best = -1, most = 0;
	for (var i = 0; i < m.siteCount; i++)
		if (values[i] > most) {
			for (var node = m.node[i]; node && m.functions[m.fn[node]].plain; node = m.parent[node])
				;
			if (node) {
				most = values[i];
				best = m.fn[node];
			}
		}
	return best;
}

function zoom(node) {
	state.node = focused = node;
	scrolled = 0;
	update(false);
	writeHash();
}

// ---- #hash: the state of the picture, so that going back goes back ----

function writeHash(isSame) {
	var words = [];
	for (var key in state)
		words.push(key + "=" + encodeURIComponent(state[key]));
	ownHash = "#explore:" + words.join("&");
	try {
		if (isSame)
			history.replaceState(null, "", ownHash);
		else
			location.hash = ownHash;
	} catch (e) {
		// A sandboxed frame has no history of its own.
	}
}

function readHash() {
	if (location.hash && !location.hash.startsWith("#explore:"))
		return false;
	for (var key in initial)
		state[key] = initial[key];
	location.hash.slice(9).split("&").forEach(word => {
		var at = word.indexOf("="), key = word.slice(0, at), value = word.slice(at + 1);
		if (!Object.hasOwn(state, key))
			return;
		try {
			value = decodeURIComponent(value);
		} catch (e) {
			value = "";
		}
		state[key] = typeof state[key] === "number" ? Math.floor(+value) || 0 : value;
	});
	state.from = Math.max(0, Math.min(m.buckets - 1, state.from));
	state.to = Math.max(state.from, Math.min(m.buckets - 1, state.to));
	state.fn = Math.max(-1, Math.min(m.functions.length - 1, state.fn));
	focused = state.node;
	return true;
}

// ---- drawing ----

function update(isNew) {
	var key = [state.view, state.plain, state.view === "sandwich" ? state.fn : ""].join();
	if (isNew) {
		var part = state.view === "bottom" || state.view === "sandwich" ? [state.metric, state.from, state.to].join() : "";
		if (treeKey !== key + part) {
			treeKey = key + part;
			below = state.view === "bottom" ? walked(-1) : state.view === "sandwich" ? walked(state.fn, true) : topDown();
			callers = state.view === "sandwich" ? walked(state.fn) : null;
		}
		var values = siteValues();
		below.tree.weigh(below.ends, values);
		if (callers)
			callers.tree.weigh(callers.ends, values);
	}
	shown = below.tree;
	if (!(state.node >= 0 && state.node < shown.count))
		state.node = 0;
	if (!(focused >= 0 && focused < shown.count))
		focused = state.node;
	matchNames();
	showControls();
	draw();
	drawStrip();
	fillGrid();
	tell(focused);
}

function showControls() {
	[viewBox, metricBox, findBox].forEach(box => {
		if (box.value !== String(state[box.dataset.key]))
			box.value = state[box.dataset.key];
	});
	flameButton.setAttribute("aria-pressed", !!state.flame);
	plainButton.setAttribute("aria-pressed", !state.plain);
	plainButton.textContent = state.plain ? "Hide allocator and entry functions" : count(hiddenCount) + " allocator and entry functions hidden";
	allButton.hidden = !state.node;
	if (!strip)
		return;
	fromBox.value = state.from;
	toBox.value = state.to;
	var width = 2 ** m.shift / 1e9, end = Math.min((state.to + 1) * width, m.duration / 1e9);
	rangeText.textContent = !isBrushed() ? "Allocated at any time; drag or use the sliders to choose a part." :
		"Retained of what was allocated from " + (state.from * width).toFixed(2) + " s to " + end.toFixed(2) + " s" +
		(metricNow().range ? "" : " (this metric is not known by time)") +
		(m.detailed < m.siteCount ? "; " + count(m.siteCount - m.detailed) + " stacks without a history are left out" : "");
}

// Marks functions; each stack counts once, however many of its functions match.
function matchNames() {
	var tree = shown, expression = null, number = 0, sum = 0;
	hits = null;
	found.textContent = "";
	try {
		expression = state.find ? new RegExp(state.find, "i") : null;
	} catch (e) {
		found.textContent = "not a regular expression";
	}
	if (!expression)
		return;
	var covered = new Uint8Array(tree.count);
	hits = new Uint8Array(m.functions.length);
	m.functions.forEach((fn, i) => {
		number += hits[i] = expression.test(fn.name) ? 1 : 0;
	});
	for (var i = 1; i < tree.count; i++) {
		covered[i] = covered[tree.parent[i]] | hits[tree.fn[i]];
		if (covered[i] && !covered[tree.parent[i]])
			sum += tree.weight[i];
	}
	found.textContent = percent(sum, tree.weight[0]) + " matched, " + count(number) + "/" + count(m.functions.length) + " functions";
}

function prepare(canvas, height) {
	var ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, pen = canvas.getContext("2d");
	canvas.style.height = height + "px";
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	pen.setTransform(ratio, 0, 0, ratio, 0, 0);
	pen.clearRect(0, 0, width, height);
	return pen;
}

function draw() {
	var tree = shown, css = getComputedStyle(host);
	canvas.hidden = state.view === "table";
	if (canvas.hidden)
		return;
	var above = callers ? Math.min(callers.tree.deepest, 30) : tree.depth[state.node];
	var rows = above + tree.deepest - tree.depth[state.node] + 1;
	var height = ROW * Math.max(3, Math.min(rows, Math.floor(Math.max(200, window.innerHeight * .7) / ROW)));
	var pen = prepare(canvas, height), width = canvas.clientWidth;
	function colour(name) {
		return css.getPropertyValue("--" + name).trim();
	}
	colours = {kernel: colour("kernel"), user: colour("user"), plain: colour("plain"), root: colour("root"), ink: colour("ink"), paper: colour("paper")};
	canvasHeight = height;
	scrolled = Math.max(0, Math.min(scrolled, rows - Math.floor(height / ROW)));
	boxes = [];
	pen.font = "11px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
	pen.textBaseline = "middle";
	if (!tree.weight[0]) {
		pen.fillStyle = colours.ink;
		pen.fillText("Nothing to draw by this metric.", 6, ROW);
		return;
	}
	if (callers) {
		var upper = callers.tree, scale = width / (upper.weight[0] || 1);
		// Node 1 is the function itself: its callers are above.
		drawBelow(pen, upper, upper.kids[upper.first[0]] || 0, scale, 0, depth => above + 1 - depth, true);
	} else {
		for (var node = state.node, path = []; node; node = tree.parent[node])
			path.unshift(tree.parent[node]);
		path.forEach(caller => drawBox(pen, tree, caller, 0, tree.depth[caller], width, true));
	}
	var top = callers ? above - 1 : 0;
	drawBelow(pen, tree, state.node, width / tree.weight[state.node], tree.start[state.node], depth => top + depth, false);
}

// Draws the node and what is below it, as far as it can be seen.
function drawBelow(pen, tree, node, scale, from, rowOf, skipsFirst) {
	var stack = [node], last = scrolled + canvasHeight / ROW;
	while (stack.length) {
		var i = stack.pop(), row = rowOf(tree.depth[i]), width = tree.weight[i] * scale;
		if (!(skipsFirst && i === node) && !(callers && !i))
			drawBox(pen, tree, i, (tree.start[i] - from) * scale, row, width, false);
		if (row > last && !skipsFirst)
			continue;
		for (var k = tree.first[i]; k < tree.first[i + 1]; k++) {
			if (tree.weight[tree.kids[k]] * scale < .4) {
				drawRest(pen, (tree.start[tree.kids[k]] - from) * scale, rowOf(tree.depth[i] + 1), tree, k, i, scale);
				break;
			}
			stack.push(tree.kids[k]);
		}
	}
}

// Those too narrow to draw stand side by side as one.
function drawRest(pen, x, row, tree, k, parent, scale) {
	var last = tree.kids[tree.first[parent + 1] - 1], y = (row - scrolled) * ROW;
	if (state.flame && !callers)
		y = canvasHeight - ROW - y;
	pen.fillStyle = colours.root;
	pen.fillRect(x, y, (tree.start[last] + tree.weight[last] - tree.start[tree.kids[k]]) * scale, ROW - 1);
}

function drawBox(pen, tree, i, x, row, width, isFaded) {
	var y = (row - scrolled) * ROW, fn = m.functions[tree.fn[i]], hit = fn && hits && hits[tree.fn[i]];
	if (state.flame && !callers)
		y = canvasHeight - ROW - y;
	if (y <= -ROW || y >= canvasHeight)
		return;
	pen.globalAlpha = isFaded || (hits && !hit) ? .55 : 1;
	pen.fillStyle = !fn ? colours.root : fn.user ? colours.user : fn.plain ? colours.plain : colours.kernel;
	pen.fillRect(x, y, Math.max(.4, width - .5), ROW - 1);
	pen.globalAlpha = 1;
	if (hit || (i === focused && tree === shown)) {
		pen.strokeStyle = colours.ink;
		pen.lineWidth = i === focused ? 2 : 1;
		pen.strokeRect(x + .5, y + .5, Math.max(1, width - 1.5), ROW - 2);
	}
	boxes.push({tree, node: i, x, y, width});
	var room = Math.floor((width - 6) / GLYPH), name = nameOf(tree, i);
	if (room < 4)
		return;
	pen.fillStyle = !fn || (fn.plain && !fn.user) ? colours.ink : "#111";
	pen.fillText(name.length <= room ? name : name.slice(0, room - 2) + "..", x + 3, y + ROW / 2);
}

function nameOf(tree, i) {
	return i ? m.functions[tree.fn[i]].name : state.view === "sandwich" ? "stacks with it" : "all call stacks";
}

function drawStrip() {
	var sums = new Float64Array(64), most = 0, css = getComputedStyle(host);
	if (!strip)
		return;
	for (var i = 0; i < m.detailed; i++)
		for (var b = 0; b < 64; b++)
			sums[b] += m.survivors[64 * i + b];
	most = Math.max(...sums) || 1;
	var pen = prepare(strip, 44), step = strip.clientWidth / m.buckets;
	for (b = 0; b < m.buckets; b++) {
		var isIn = b >= state.from && b <= state.to;
		pen.fillStyle = css.getPropertyValue(isIn ? "--kernel" : "--line").trim();
		pen.fillRect(b * step, 42 - 40 * sums[b] / most, Math.max(1, step - 1), 40 * sums[b] / most + 2);
	}
}

function tell(i, tree) {
	tree = tree || shown;
	var fn = m.functions[tree.fn[i]], text = metricNow().text;
	detail.textContent = nameOf(tree, i) + (fn ? (fn.user ? ", user" : ", kernel") + (fn.module ? " (" + fn.module + ")" : "") : "") + ": " +
		text(tree.weight[i]) + ", " + percent(tree.weight[i], tree.weight[0]) + "; itself " + text(tree.self[i]);
}

// ---- table and treegrid ----

function fillGrid() {
	if (state.view === "table")
		return fillTable();
	var tree = shown, rows = [], path = [], focus = focused;
	for (var i = focus; i; i = tree.parent[i])
		path.unshift(tree.parent[i]);
	rows.push(...path, focus);
	var first = tree.first[focus], end = tree.first[focus + 1];
	for (i = first; i < end && i < first + ROWS_SHOWN * (moreShown || 1); i++)
		rows.push(tree.kids[i]);
	setHead();
	rows.forEach(node => {
		var hasBelow = tree.first[node + 1] > tree.first[node], row = addNumbers(nameOf(tree, node), tree.weight[node], tree.self[node]);
		row.setAttribute("aria-level", tree.depth[node] - tree.depth[0] + 1);
		row.cells[0].style.paddingLeft = .55 + .8 * Math.min(12, tree.depth[node]) + "rem";
		if (hasBelow)
			row.setAttribute("aria-expanded", path.includes(node) || node === focus);
		row.setAttribute("tabindex", node === focus ? "0" : "-1");
		row.setAttribute("aria-selected", node === focus);
		row.dataset.node = node;
	});
	if (i < end)
		moreRow(end - i);
}

function moreRow(left) {
	var row = addRow(["", "", "", ""]), button = element("button", {type: "button"}, count(left) + " more");
	button.addEventListener("click", () => {
		moreShown = 4 * (moreShown || 1);
		fillGrid();
	});
	row.cells[0].append(button);
}

function setHead() {
	var row = element("tr", {role: "row"}), head = element("thead", {role: "rowgroup"});
	["Function", metricNow().name, "Share", "Itself"].forEach((name, i) => { row.append(element("th", {scope: "col", role: "columnheader", class: i ? "n" : ""}, name)); });
	head.append(row);
	gridBody = element("tbody", {role: "rowgroup"});
	grid.replaceChildren(head, gridBody);
}

function addRow(texts) {
	var row = element("tr", {role: "row"});
	texts.forEach((text, i) => { row.append(element("td", {role: "gridcell", class: i ? "n" : "name"}, text)); });
	gridBody.append(row);
	return row;
}

function addNumbers(name, weight, own) {
	var text = metricNow().text;
	return addRow([name, text(weight), percent(weight, shown.weight[0]), text(own)]);
}

// Functions, each stack counted once for each that it has.
function fillTable() {
	var tree = shown, n = m.functions.length, total = new Float64Array(n), own = new Float64Array(n), on = new Uint8Array(n), list = [];
	for (var todo = [0]; todo.length;) {
		var i = todo.pop();
		if (i < 0) {
			on[~i] = 0;
			continue;
		}
		var fn = tree.fn[i];
		if (i) {
			own[fn] += tree.self[i];
			if (!on[fn]) {
				total[fn] += tree.weight[i];
				on[fn] = 1;
				todo.push(~fn);
			}
		}
		for (var k = tree.first[i]; k < tree.first[i + 1]; k++)
			todo.push(tree.kids[k]);
	}
	for (i = 0; i < n; i++)
		if (total[i] > 0 && (!hits || hits[i]))
			list.push(i);
	list.sort((a, b) => total[b] - total[a] || a - b);
	setHead();
	list.slice(0, ROWS_SHOWN * (moreShown || 1)).forEach((fn, place) => {
		var row = addNumbers(m.functions[fn].name, total[fn], own[fn]);
		row.setAttribute("aria-level", 1);
		row.setAttribute("tabindex", place ? "-1" : "0");
		row.dataset.fn = fn;
	});
	if (list.length > ROWS_SHOWN * (moreShown || 1))
		moreRow(list.length - ROWS_SHOWN * (moreShown || 1));
}

// ---- mouse and keys ----

function boxAt(event) {
	var edge = canvas.getBoundingClientRect(), x = event.clientX - edge.left, y = event.clientY - edge.top;
	return (boxes || []).filter(box => {
		return x >= box.x && x < box.x + Math.max(1, box.width) && y >= box.y && y < box.y + ROW;
	})[0];
}

function focusOn(node) {
	focused = node;
	moreShown = 1;
	update(false);
}

function sandwich(fn) {
	if (fn < 0)
		return;
	state.fn = fn;
	state.view = "sandwich";
	state.node = focused = 0;
	update(true);
	writeHash();
}

// The neighbour of the focus: a caller, the heaviest below, or one beside it.
function neighbour(key) {
	var tree = shown, at = focused, up = state.flame ? "ArrowDown" : "ArrowUp", down = state.flame ? "ArrowUp" : "ArrowDown";
	if (key === up)
		return tree.parent[at];
	if (key === down)
		return tree.first[at + 1] > tree.first[at] ? tree.kids[tree.first[at]] : at;
	var parent = tree.parent[at], beside = tree.kids.subarray(tree.first[parent], tree.first[parent + 1]).indexOf(at);
	beside += key === "ArrowRight" ? 1 : -1;
	if (!at || beside < 0 || tree.first[parent] + beside >= tree.first[parent + 1])
		return at;
	return tree.kids[tree.first[parent] + beside];
}

function pressed(event) {
	var tree = shown;
	if (event.ctrlKey || event.altKey || event.metaKey)
		return;
	if (event.key.startsWith("Arrow"))
		focusOn(neighbour(event.key));
	else if (event.key === "Enter" || event.key === " ")
		zoom(focused);
	else if (event.key === "Backspace")
		zoom(tree.parent[state.node]);
	else if (event.key === "Escape")
		zoom(0);
	else if (event.key === "f")
		change("flame", +!state.flame);
	else if (event.key === "h")
		change("plain", +!state.plain);
	else if (event.key === "s")
		sandwich(tree.fn[focused]);
	else if (event.key === "/")
		findBox.focus();
	else
		return;
	event.preventDefault();
}

function listen() {
	canvas.addEventListener("click", event => {
		var box = boxAt(event);
		if (box && box.tree === shown)
			zoom(box.node);
		else if (box)
			sandwich(box.tree.fn[box.node]);
	});
	canvas.addEventListener("mousemove", event => {
		var box = boxAt(event);
		if (box)
			tell(box.node, box.tree);
	});
	canvas.addEventListener("wheel", event => {
		var before = scrolled;
		scrolled += event.deltaY > 0 ? 2 : -2;
		draw();
		if (scrolled !== before)
			event.preventDefault();
	}, {passive: false});
	canvas.addEventListener("keydown", event => pressed(event));
	grid.addEventListener("click", event => pick(event.target.closest("tr")));
	grid.addEventListener("keydown", event => gridKey(event));
	window.addEventListener("hashchange", () => {
		if (location.hash !== ownHash && readHash())
			update(true);
	});
	window.addEventListener("resize", () => update(false));
	if (window.matchMedia)
		window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => update(false));
}

function pick(row) {
	if (row && row.dataset.node !== undefined) {
		zoom(+row.dataset.node);
		focusGrid();
	} else if (row && row.dataset.fn !== undefined)
		sandwich(+row.dataset.fn);
}

function focusGrid() {
	var row = grid.querySelector("tr[tabindex='0']");
	if (row)
		row.focus();
}

function gridKey(event) {
	var row = event.target.closest("tbody tr"), next = null;
	if (!row || event.target !== row)
		return;
	if (event.key === "ArrowDown")
		next = row.nextElementSibling;
	else if (event.key === "ArrowUp")
		next = row.previousElementSibling;
	else if (event.key === "Enter" || event.key === "ArrowRight")
		pick(row);
	else if (event.key === "ArrowLeft" && row.dataset.node !== undefined) {
		zoom(shown.parent[row.dataset.node]);
		focusGrid();
	} else
		return;
	event.preventDefault();
	if (next) {
		row.setAttribute("tabindex", "-1");
		next.setAttribute("tabindex", "0");
		(next.querySelector("button") || next).focus();
	}
}

// ---- begin ----

function unpack() {
	var packed = atob(data.textContent.replace(/\s+/g, "")), bytes = new Uint8Array(packed.length);
	for (var i = 0; i < packed.length; i++)
		bytes[i] = packed.charCodeAt(i);
	return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

function begin() {
	if (typeof DecompressionStream === "undefined") {
		say("This browser cannot unpack the data for the explorer (DecompressionStream); nothing else on this page needs it.");
		return;
	}
	var begun = performance.now();
	unpack().then(buffer => {
		explore(readModel(new Uint8Array(buffer)));
		host.explorer = {m, brush, set: change, metric: metricNow, values: siteValues, get state() { return state; }, get tree() { return shown; }};
		host.dataset.ready = "yes";
		host.dataset.took = Math.round(performance.now() - begun);
		document.documentElement.classList.add("explored");
	}).catch(error => {
		host.dataset.ready = "failed";
		say("The explorer cannot read the data of this page: " + error.message);
	});
}

if (host && data)
	begin();
}

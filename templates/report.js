// Adds zoom and search to the flame graph; everything that is decided here is on the page without it.
"use strict";
(function () {
	var svg = document.getElementById("flamegraph");
	if (!svg)
		return;
	var WIDTH = 1200, GLYPH = 6.7, LEAST = 0.3;
	var boxes = Array.prototype.map.call(svg.querySelectorAll("g"), function (g) {
		var rect = g.querySelector("rect"), title = g.querySelector("title").textContent;
		var box = {
			g: g, rect: rect, text: g.querySelector("text"),
			name: title.split("\n")[0].replace(/, (user|kernel)$/, ""), title: title,
			x: +rect.getAttribute("x"), y: +rect.getAttribute("y"), width: +rect.getAttribute("width")
		};
		g.setAttribute("tabindex", "0");
		g.setAttribute("role", "button");
		g.setAttribute("aria-label", title.replace(/\n/g, ", "));
		return box;
	});

	function label(box, x, width) {
		var room = Math.floor((width - 6) / GLYPH);
		if (room < 4) {
			if (box.text)
				box.text.textContent = "";
			return;
		}
		if (!box.text) {
			box.text = document.createElementNS(svg.namespaceURI, "text");
			box.text.setAttribute("y", box.y + 13);
			box.g.appendChild(box.text);
		}
		box.text.setAttribute("x", x + 4);
		box.text.textContent = box.name.length <= room ? box.name : box.name.slice(0, room - 3) + "...";
	}

	// Callers of the chosen function keep the whole width, what is beside it goes.
	function zoom(to) {
		var scale = WIDTH / to.width, slack = 1e-6 * WIDTH + 0.02;
		boxes.forEach(function (box) {
			var above = box.y < to.y && box.x <= to.x + slack && box.x + box.width >= to.x + to.width - slack;
			var inside = box.y >= to.y && box.x >= to.x - slack && box.x + box.width <= to.x + to.width + slack;
			var x = above ? 0 : (box.x - to.x) * scale, width = above ? WIDTH : box.width * scale;
			box.g.classList.toggle("gone", !above && !inside);
			box.g.classList.toggle("faded", above && to !== boxes[0]);
			if (!above && !inside)
				return;
			box.rect.setAttribute("x", x);
			box.rect.setAttribute("width", Math.max(width, LEAST));
			label(box, x, width);
		});
		reset.hidden = to === boxes[0];
	}

	function search() {
		var wanted = find.value, test = null, hits = 0;
		try {
			test = wanted ? new RegExp(wanted, "i") : null;
		} catch (e) {
			said.textContent = "not a regular expression";
			return;
		}
		boxes.forEach(function (box) {
			var hit = test !== null && test.test(box.name);
			box.g.classList.toggle("hit", hit);
			hits += hit;
		});
		said.textContent = test ? hits + " of " + boxes.length + " drawn functions" : "";
	}

	var tools = document.createElement("div"), find = document.createElement("input"), reset = document.createElement("button");
	var said = document.createElement("span");
	tools.className = "tools";
	find.type = "search";
	find.placeholder = "Find a function";
	find.setAttribute("aria-label", "Find a function in the flame graph");
	find.addEventListener("input", search);
	reset.textContent = "Show all";
	reset.hidden = true;
	reset.addEventListener("click", function () { zoom(boxes[0]); });
	said.setAttribute("role", "status");
	tools.append(find, said, reset);
	svg.parentNode.before(tools);
	svg.classList.add("live");
	boxes.forEach(function (box) {
		box.g.addEventListener("click", function () { zoom(box); });
		box.g.addEventListener("keydown", function (event) {
			if (event.key === "Enter" || event.key === " ") {
				event.preventDefault();
				zoom(box);
			} else if (event.key === "Escape") {
				zoom(boxes[0]);
			}
		});
	});
})();

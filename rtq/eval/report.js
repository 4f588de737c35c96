"use strict";
// Pictures: the range input lies invisibly over the picture, so mouse, touch and arrow keys all work.
for (const compare of document.querySelectorAll(".compare")) {
  const range = compare.querySelector("input");
  const show = () => compare.style.setProperty("--x", range.value + "%");
  range.addEventListener("input", show);
  show();
  const buttons = compare.parentElement.querySelectorAll(".switch button");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      for (const image of compare.querySelectorAll(".after")) image.hidden = image.dataset.edit !== button.dataset.edit;
      compare.querySelector(".tag.right").textContent = button.textContent;
    });
  }
}

// Charts: values under the pointer replace the last ones in the legend.
const LEFT = 46, RIGHT = 330;
const format = (value) => String(Number(value.toPrecision(4))).replace("-", "−");
for (const chart of document.querySelectorAll(".chart")) {
  const svg = chart.querySelector("svg"), cursor = chart.querySelector(".cursor");
  const keys = [...chart.querySelectorAll(".key b")], last = keys.map((key) => key.textContent);
  const series = JSON.parse(chart.dataset.series);
  const [first, end] = chart.dataset.span.split(",").map(Number);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = Math.min(RIGHT, Math.max(LEFT, (event.clientX - box.left) / box.width * 340));
    const step = first + (x - LEFT) / (RIGHT - LEFT) * (end - first);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.style.visibility = "visible";
    series.forEach(([steps, values], i) => {
      let near = 0;
      steps.forEach((s, k) => { if (Math.abs(s - step) < Math.abs(steps[near] - step)) near = k; });
      keys[i].textContent = format(values[near]) + " at " + format(Math.round(steps[near]));
    });
  });
  svg.addEventListener("pointerleave", () => {
    cursor.style.visibility = "hidden";
    keys.forEach((key, i) => { key.textContent = last[i]; });
  });
}

// Draws what is asked for in #chart. The page says the same in its table, for whom this is no help.
// What the library has no short form for (a heat map, steps, paths) is drawn as SVG.
(() => {
  const place = document.getElementById("chart");
  if (!place) return;
  const given = JSON.parse(place.dataset.chart);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const style = given.currency ? { style: "currency", currency: given.currency } : {};
  const money = new Intl.NumberFormat("en", { ...style, maximumFractionDigits: 0 });
  const short = new Intl.NumberFormat("en", { ...style, notation: "compact", maximumSignificantDigits: 3 });
  const exact = new Intl.NumberFormat("en", style);
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const series = (number) => `--series-${number % 7 + 1}`;
  const named = (value) => (/^\d{4}-\d\d-\d\d$/.test(value)
    ? day.format(new Date(`${value}T00:00:00Z`)) : value);

  // by the library: figures over time, movements, models side by side

  const shared = (names, isCategory) => {
    const faint = colour("--faint");
    const text = { color: faint, fontFamily: getComputedStyle(document.body).fontFamily };
    return {
      animation: !still,
      animationDuration: 250,
      textStyle: text,
      grid: { left: 8, right: 12, top: 40, bottom: 8, containLabel: true },
      legend: {
        type: "scroll", top: 6, right: 12, left: 12, align: "left", icon: "roundRect", itemWidth: 10,
        itemHeight: 10, textStyle: text, pageTextStyle: text, pageIconColor: faint,
      },
      tooltip: {
        trigger: "axis",
        confine: true,
        renderMode: "richText",  // the page allows no styles from a script's HTML
        backgroundColor: colour("--paper"),
        borderColor: colour("--line"),
        textStyle: { ...text, color: colour("--ink") },
        formatter: (points) => [named(points[0].axisValue)]
          .concat(points.map((each) => `${each.seriesName}  ${exact.format(each.value)}`))
          .join("\n"),
        axisPointer: isCategory
          ? { type: "shadow", shadowStyle: { color: colour("--line"), opacity: 0.35 } }
          : { lineStyle: { color: faint } },
      },
      xAxis: {
        type: "category", data: names, boundaryGap: isCategory,
        axisLabel: { ...text, formatter: named, hideOverlap: true },
        axisLine: { lineStyle: { color: colour("--line") }, onZero: !isCategory },
        axisTick: { show: false },
      },
      yAxis: {
        type: "value", splitNumber: 3,
        minInterval: 1,  // labels are whole: fractions between them would repeat a label
        axisLabel: { ...text, formatter: (value) => money.format(value) },
        splitLine: { lineStyle: { color: colour("--line") } },
      },
    };
  };

  const byLibrary = {
    lines: () => ({
      ...shared(given.days, false),
      color: [colour("--accent"), colour("--spend")],
      series: given.series.map((each, number) => ({
        name: each.name, type: "line", data: each.data, showSymbol: each.data.length < 3,
        areaStyle: number ? undefined : { opacity: 0.1 },
      })),
    }),
    groups: () => ({
      ...shared(given.names, true),
      color: given.series.map((_, number) => colour(series(number))),
      series: given.series.map((each) => ({
        name: each.name, type: "bar", data: each.data, barGap: "8%", barCategoryGap: "28%",
        barMaxWidth: 34, itemStyle: { borderRadius: [3, 3, 0, 0] },
      })),
    }),
    movements: () => {
      const paint = {
        newMrr: "--accent", expansionMrr: "--series-3", reactivatedMrr: "--series-5",
        contractionMrr: "--spend", churnedMrr: "--bad",
      };
      return {
        ...shared(given.names, true),
        color: given.series.map((each) => colour(paint[each.key] ?? "--ink")),
        series: given.series.map((each) => (each.stack
          ? { name: each.name, type: "bar", stack: "all", data: each.data, barMaxWidth: 44 }
          : { name: each.name, type: "line", data: each.data, symbolSize: 7,
              lineStyle: { width: 2 }, showSymbol: each.data.length < 30 })),
      };
    },
  };

  // as SVG

  const svg = (name, attributes, ...within) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...within);
    return made;
  };
  const words = (x, y, text, attributes = {}) => svg("text", { x, y, ...attributes }, text);
  const canvas = (width, height, parts) => {
    const made = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    made.append(...parts);
    place.replaceChildren(made);
  };
  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  // pages differ at their end
  const cutName = (text, most) => (text.length > most && text.includes("/")
    ? `…${text.slice(1 - most)}` : cut(text, most));

  const heat = (width) => {
    const left = width < 480 ? 64 : 92, top = 26, high = 34;
    const wide = Math.max(50, (width - left) / given.columns.length);
    const values = given.rows.flatMap((row) => row.cells).filter((each) => each !== null);
    const least = Math.min(...values);
    const span = Math.max(...values) - least || 1;
    const deepest = dark.matches ? 0.45 : 0.7;  // the figure on it can still be read
    const rounded = new Intl.NumberFormat("en", {
      ...style, notation: "compact", minimumSignificantDigits: 3, maximumSignificantDigits: 3,
    });
    const parts = given.columns.map((name, column) => words(
      left + wide * (column + 0.5), 16, name, { class: "faint", "text-anchor": "middle" },
    ));
    parts.push(words(0, 16, given.corner, { class: "faint" }));
    given.rows.forEach((row, number) => {
      const y = top + number * high;
      parts.push(svg("g", {}, words(0, y + 21, row.name), svg("title", {}, `${row.name}: ${row.note}`)));
      row.cells.forEach((value, column) => {
        if (value === null) return;
        const x = left + wide * column;
        parts.push(svg("g", { class: "cell" },
          svg("title", {}, `${row.name}, ${row.note}, month ${given.columns[column]}: ${exact.format(value)}`),
          svg("rect", { x: x + 1, y: y + 1, width: wide - 2, height: high - 2, rx: 5,
            "fill-opacity": 0.06 + (deepest - 0.06) * (value - least) / span }),
          words(x + wide / 2, y + 21, rounded.format(value), { "text-anchor": "middle" })));
      });
    });
    canvas(left + wide * given.columns.length, top + given.rows.length * high, parts);
  };

  const steps = (width) => {
    const most = Math.max(...given.steps.map((each) => each.people), 1);
    let y = 0;
    const parts = given.steps.flatMap((step, number) => {
      const top = y;
      const notes = [];
      if (number && step.rate !== null) notes.push(`${step.rate.toFixed(1)}% of the step before`);
      if (number > 1 && step.overall !== null) notes.push(`${step.overall.toFixed(1)}% of all`);
      if (number && step.days !== null) notes.push(`median ${step.days.toFixed(1)} days`);
      while (notes.length > 1 && notes.join(" · ").length * 6.6 > width) notes.splice(-2, 1);
      y += notes.length ? 72 : 56;
      return [
        words(0, top + 14, cut(step.name, Math.floor(width / 9)), { class: "strong" }),
        words(width, top + 14, exact.format(step.people), { class: "strong", "text-anchor": "end" }),
        svg("rect", { x: 0, y: top + 22, width, height: 18, rx: 5, class: "trough" }),
        svg("rect", { x: 0, y: top + 22, width: Math.max(width * step.people / most, step.people ? 3 : 0),
          height: 18, rx: 5, class: "filled" }),
        words(0, top + 56, notes.join(" · "), { class: "faint" }),
      ];
    });
    canvas(width, y - 10, parts);
  };

  const paths = (width) => {
    const longest = Math.max(1, ...given.paths.map((path) => path.steps.length));
    const count = Math.min(longest, width < 480 ? 2 : width < 800 ? 3 : 4);  // visits, each a column
    const columns = Array.from({ length: count + 1 }, () => new Map());
    const totals = new Map();
    for (const path of given.paths) {
      for (const step of new Set(path.steps)) totals.set(step, (totals.get(step) ?? 0) + path.value);
    }
    const ranked = [...totals].sort((a, b) => b[1] - a[1]).map(([step]) => step)
      .filter((step) => step !== "(none)");
    const known = new Set(ranked.length > 8 ? ranked.slice(0, 7) : ranked);
    const links = new Map();
    const node = (column, name) => {
      if (!columns[column].has(name)) columns[column].set(name, { name, column, value: 0, in: 0, out: 0 });
      return columns[column].get(name);
    };
    const last = node(count, given.outcome);
    for (const path of given.paths) {
      let told = path.steps.map((each) => (known.has(each) || each === "(none)" ? each : "others"));
      if (!told.length) told = ["no visits"];
      if (told.length > count) told = ["earlier", ...told.slice(1 - count)];
      const chain = told.map((name, number) => node(count - told.length + number, name));
      [...chain, last].forEach((each, number, all) => {
        each.value += path.value;
        if (!number) return;
        const before = all[number - 1];
        const key = `${before.column}\n${before.name}\n${each.name}`;
        if (!links.has(key)) links.set(key, { from: before, to: each, value: 0 });
        links.get(key).value += path.value;
      });
    }
    const top = 26, gap = 14, thick = 10, room = 104;
    const order = new Map(ranked.map((name, number) => [name, number]));
    const rank = (each) => order.get(each.name) ?? (each.name === "earlier" ? -1 : 1000);
    const listed = columns.map((each) => [...each.values()].sort((a, b) => rank(a) - rank(b)));
    const most = Math.max(...listed.map((each) => each.length));
    const high = Math.max(240, most * 44);
    const total = Math.max(last.value, 1);
    const scale = (high - gap * (most - 1)) / total;
    listed.forEach((nodes, column) => {
      const all = nodes.reduce((sum, each) => sum + each.value * scale + gap, -gap);
      let y = top + (high - all) / 2;
      for (const each of nodes) {
        each.x = column === count ? width - thick : column * (width - room) / count;
        each.y = y;
        each.high = Math.max(each.value * scale, 1.5);
        y += each.high + gap;
      }
    });
    const tint = (name) => `var(${order.has(name) && known.has(name) ? series(order.get(name)) : "--series-7"})`;
    const ribbons = [...links.values()]
      .sort((a, b) => a.from.column - b.from.column || a.from.y - b.from.y || a.to.y - b.to.y)
      .map((link) => {
        const wide = Math.max(link.value * scale, 1);
        const [x0, x1] = [link.from.x + thick, link.to.x];
        const [y0, y1] = [link.from.y + link.from.out + wide / 2, link.to.y + link.to.in + wide / 2];
        link.from.out += link.value * scale;
        link.to.in += link.value * scale;
        const middle = (x0 + x1) / 2;
        const drawn = svg("path", {
          d: `M${x0},${y0}C${middle},${y0} ${middle},${y1} ${x1},${y1}`, class: "ribbon",
          "stroke-width": wide,
        }, svg("title", {}, `${link.from.name} → ${link.to.name}: ${exact.format(link.value)}`));
        drawn.style.stroke = tint(link.from.name);
        return drawn;
      });
    const bars = listed.flat().flatMap((each) => {
      const bar = svg("rect", { x: each.x, y: each.y, width: thick, height: each.high, rx: 2 },
        svg("title", {}, `${each.name}: ${exact.format(each.value)}`));
      bar.style.fill = each === last ? "var(--ink)" : tint(each.name);
      const isLast = each === last;
      const name = isLast ? "" : `${cutName(each.name, Math.max(9, Math.floor((width - room) / count / 7.4) - 7))} `;
      return [bar, words(isLast ? each.x - 6 : each.x + thick + 6, each.y + Math.min(each.high / 2 + 4, 14),
        name + short.format(each.value), { class: "halo", "text-anchor": isLast ? "end" : "start" })];
    });
    const heads = listed.slice(0, count).map((nodes, column) => words(
      column * (width - room) / count, 12,
      column === count - 1 ? "Last visit" : `${count - 1 - column} before`, { class: "faint" },
    ));
    heads.push(words(width, 12, given.outcome, { class: "faint", "text-anchor": "end" }));
    canvas(width, top + high + 6, [...heads, ...ribbons, ...bars]);
  };

  const drawn = { heat, steps, paths }[given.kind];
  if (drawn) {
    place.classList.add("drawn");
    let before = 0;
    const draw = () => {
      if (!place.isConnected) return;  // another report took its place
      before = place.clientWidth;
      const inner = getComputedStyle(place);
      drawn(before - parseFloat(inner.paddingLeft) - parseFloat(inner.paddingRight));
      const isWide = place.scrollWidth > before;
      place.classList.toggle("scroll", isWide);
      if (isWide) place.tabIndex = 0;  // so that keys can move it
    };
    draw();
    dark.addEventListener("change", draw);
    new ResizeObserver(() => { if (place.clientWidth !== before) draw(); }).observe(place);
    return;
  }
  if (!window.echarts) return;
  const chart = window.echarts.init(place);
  const draw = () => place.isConnected && chart.setOption(byLibrary[given.kind ?? "lines"]());
  draw();
  dark.addEventListener("change", draw);
  new ResizeObserver(() => chart.resize()).observe(place);
})();

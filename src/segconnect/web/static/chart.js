// Draws one or two figures over time. The page says the same in its table, for whom this is no help.
(() => {
  const place = document.getElementById("chart");
  if (!place || !window.echarts) return;
  const given = JSON.parse(place.dataset.chart);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const style = given.currency ? { style: "currency", currency: given.currency } : {};
  const money = new Intl.NumberFormat("en", { ...style, maximumFractionDigits: 0 });
  const exact = new Intl.NumberFormat("en", style);
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const chart = window.echarts.init(place);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const draw = () => {
    const faint = colour("--faint");
    const text = { color: faint, fontFamily: getComputedStyle(document.body).fontFamily };
    const named = (value) => (/^\d{4}-\d\d-\d\d$/.test(value)
      ? day.format(new Date(`${value}T00:00:00Z`)) : value);
    chart.setOption({
      animation: !still,
      animationDuration: 250,
      textStyle: text,
      color: [colour("--accent"), colour("--spend")],
      grid: { left: 8, right: 12, top: 40, bottom: 8, containLabel: true },
      legend: { top: 6, right: 12, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: text },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",  // the page allows no styles from a script's HTML
        backgroundColor: colour("--paper"),
        borderColor: colour("--line"),
        textStyle: { ...text, color: colour("--ink") },
        formatter: (points) => [named(points[0].axisValue)]
          .concat(points.map((each) => `${each.seriesName}  ${exact.format(each.value)}`))
          .join("\n"),
        axisPointer: { lineStyle: { color: faint } },
      },
      xAxis: {
        type: "category", data: given.days, boundaryGap: false,
        axisLabel: { ...text, formatter: named, hideOverlap: true },
        axisLine: { lineStyle: { color: colour("--line") } }, axisTick: { show: false },
      },
      yAxis: {
        type: "value", splitNumber: 3,
        axisLabel: { ...text, formatter: (value) => money.format(value) },
        splitLine: { lineStyle: { color: colour("--line") } },
      },
      series: given.series.map((each, number) => ({
        name: each.name, type: "line", data: each.data, showSymbol: each.data.length < 3,
        areaStyle: number ? undefined : { opacity: 0.1 },
      })),
    });
  };
  draw();
  dark.addEventListener("change", draw);
  new ResizeObserver(() => chart.resize()).observe(place);
})();

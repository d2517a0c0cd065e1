import pl from "nodejs-polars";
const t = (l: string, f: () => unknown) => { const s=performance.now(); const c = process.cpuUsage(); const r = f(); const d = process.cpuUsage(c); console.log(l, "wall", Math.round(performance.now()-s), "cpu", Math.round((d.user + d.system) / 1000)); return r; };
for (let k = 0; k < 3; k++) {
t("col x1000", () => { for (let i = 0; i < 1000; i++) pl.col("a"); });
t("lit x1000", () => { for (let i = 0; i < 1000; i++) pl.lit("a"); });
t("alias x1000", () => { const a = pl.col("b"); for (let i = 0; i < 1000; i++) a.alias("a"); });
t("concat x1000", () => { const a = pl.col("b"); for (let i = 0; i < 1000; i++) pl.concatString([a, a], ""); });
const df = pl.DataFrame({ a: ["x"] });
t("df x100", () => { for (let i = 0; i < 100; i++) df.clone(); });
t("lazy x100", () => { for (let i = 0; i < 100; i++) df.lazy(); });
t("sql x10", () => { for (let i = 0; i < 10; i++) df.lazy().select("a"); });
}

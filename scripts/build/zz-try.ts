import { bundle } from "/work/main/scripts/build/bundle.ts";
import { functionFiles, loadFunctions } from "/work/main/scripts/start/functions.ts";
const t=Date.now();
const functions = await loadFunctions();
console.log("load", Date.now()-t);
const m = await bundle({ functions, files: await functionFiles() }, "/tmp/ca-dist");
console.log("bundle", Date.now()-t);
console.log(Object.entries(m.outputs).map(([k,v])=>k+" "+v.bytes+" "+v.imports.map(i=>i.kind[0]+":"+i.path+(i.external?"*":"")).join(",").slice(0,150)).join("\n"));

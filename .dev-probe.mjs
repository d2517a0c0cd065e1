import { Firestore } from "@google-cloud/firestore";
const name="google.firestore.v1.Firestore";
const h = new Firestore({projectId:"p-1", host:"127.0.0.1:1", ssl:false, customHeaders:{Authorization:"Bearer owner"}, clientConfig:{interfaces:{[name]:{retry_params:{default:{initial_retry_delay_millis:100,retry_delay_multiplier:1.3,max_retry_delay_millis:5000,initial_rpc_timeout_millis:10000,rpc_timeout_multiplier:1,max_rpc_timeout_millis:10000,total_timeout_millis:10000}}, methods:{}}}}});
const run=async(n,fn)=>{const t=Date.now(); try{await fn()}catch(e){console.log(n,e.code,e.message.slice(0,80),Date.now()-t)}};
await Promise.all([run("get",()=>h.doc("a/b").get()),run("query",()=>h.collection("a").limit(1).get()),run("create",()=>h.doc("a/b").create({a:1})),run("tx",()=>h.runTransaction(t=>t.get(h.doc("a/b")),{maxAttempts:1}))]);
process.exit()

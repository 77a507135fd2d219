import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
const url='http://127.0.0.1:8097', out='/tmp/rvshot/';
const log=readFileSync('/tmp/hearth-demo-shots/log','utf8'); const pw=log.match(/password +(\S+)/)[1];
const browser=await chromium.launch({executablePath:'/usr/bin/chromium',args:['--no-sandbox','--disable-gpu']});
async function win({phone=false,theme='light',script=true,state}={}){const c=await browser.newContext({viewport:phone?{width:390,height:844}:{width:1280,height:900},isMobile:phone,hasTouch:phone,colorScheme:theme,javaScriptEnabled:script,reducedMotion:'reduce',locale:'en-GB',storageState:state});const p=await c.newPage();p.on('console',m=>{if(m.type()==='error')console.log('console',m.text())});p.on('pageerror',e=>console.log('pageerror',e.message));return p;}
const step=process.argv[2];
async function login(p){await p.goto(url+'/login');await p.fill('input[name=email]','demo@hearth.example');await p.fill('input[name=password]',pw);await p.click('main button[type=submit]');await p.waitForURL(u=>u.pathname==='/');}
const first=await win({script:false});await login(first);const state=await first.context().storageState();
if(step==='menus'){
  const p=await win({script:false,state});await p.goto(url+'/?day=2017-04-08');
  await p.click('.switch summary');await p.screenshot({path:out+'switch-noscript.png'});
  await p.click('.switch .menu a');console.log('switch goes',p.url());
  await p.click('.user summary');await p.screenshot({path:out+'user-noscript.png'});
  await p.click('.user .act button');await p.waitForURL(/login/);console.log('signed out',p.url());
  const again=await win({script:false});await login(again);
  const q=await win({phone:true,theme:'dark',state:await again.context().storageState()});await q.goto(url+'/?day=2017-04-08');
  await q.click('.user summary');await q.screenshot({path:out+'user-phone.png'});await q.keyboard.press('Escape');
  await q.click('.switch summary');await q.screenshot({path:out+'switch-phone.png'});await q.keyboard.press('Escape');
  await q.click('.more-places');console.log(q.url());
}
if(step==='keys'){
  const p=await win({state});await p.goto(url+'/orders/new');
  await p.evaluate(()=>document.activeElement.blur());
  await p.goto(url+'/items');await p.keyboard.press('Tab');await p.screenshot({path:out+'skip.png'});
  console.log('first tab',await p.evaluate(()=>document.activeElement.textContent));
  await p.keyboard.press('Enter');console.log('skipped to',await p.evaluate(()=>document.activeElement.id));
  for(let i=0;i<3;i++){await p.keyboard.press('Tab');} await p.screenshot({path:out+'focus.png'});
  await p.goto(url+'/orders/new');await p.fill('input[name="lines.0.itemId"]','Coffee');await p.focus('input[name="lines.0.itemId"]');await p.keyboard.press('Enter');
  console.log('enter to',await p.evaluate(()=>document.activeElement.name));
  await p.keyboard.press('Control+Enter');await p.waitForTimeout(1500);console.log('ctrl-enter',p.url());
  await p.screenshot({path:out+'order.png'});
  await p.goto(url+'/items/new');await p.fill('input[name=price]','x');await p.click('main form .button.main');await p.waitForTimeout(800);await p.screenshot({path:out+'refused.png',fullPage:true});
  await p.keyboard.press('Escape');await p.evaluate(()=>document.activeElement.blur());await p.keyboard.press('/');await p.waitForTimeout(200);await p.screenshot({path:out+'palette.png'});
}
if(step==='import'){
  for(const phone of [false,true]){
  const p=await win({state,phone,theme:phone?'dark':'light'});await p.goto(url+'/import');
  const d='/work/main/app/demo/';await p.setInputFiles('input[type=file]',[d+'BreadBasket_DMS.csv.gz',d+'prices.csv']);
  await p.screenshot({path:out+`import-0-${phone}.png`});
  await p.click('.drop button');await p.waitForURL(/import\/[0-9a-f-]{36}/,{timeout:60000});await p.waitForTimeout(500);
  await p.screenshot({path:out+`import-1-${phone}.png`,fullPage:true});
  const wide=await p.evaluate(()=>document.documentElement.scrollWidth-document.documentElement.clientWidth);console.log('wide',wide);
  if(phone) continue;
  await p.click('button[value=try]');await p.waitForTimeout(1500);await p.screenshot({path:out+`import-2-${phone}.png`,fullPage:true});
  await p.waitForFunction(()=>!document.querySelector('[hx-get]'),null,{timeout:120000});await p.waitForTimeout(500);
  await p.screenshot({path:out+`import-3-${phone}.png`,fullPage:true});
  await p.click('button[value=import]');await p.waitForTimeout(3000);
  await p.waitForFunction(()=>!document.querySelector('[hx-get]'),null,{timeout:120000});await p.waitForTimeout(500);
  await p.screenshot({path:out+`import-4-${phone}.png`,fullPage:true});
  await p.goto(url+'/import');await p.screenshot({path:out+`import-5.png`,fullPage:true});
  }
}
if(step==='shots'){
  const p=await win({state});
  await p.goto(url+'/?day=2017-04-08');await p.waitForTimeout(600);await p.screenshot({path:out+'home.png'});
  await p.goto(url+'/orders?from=2017-04-08&to=2017-04-08');await p.screenshot({path:out+'orders.png',fullPage:false});
  const long=await p.evaluate(async()=>{let best=null,n=0;for(const a of [...document.querySelectorAll('td a.cover')].slice(0,40)){const t=await (await fetch(a.href)).text();const d=new DOMParser().parseFromString(t,'text/html');const k=d.querySelectorAll('.document-lines tbody tr').length;if(k>n){n=k;best=a.href}}return best});
  await p.goto(long);await p.screenshot({path:out+'order-doc.png'});
  await p.goto(url+'/reports');await p.screenshot({path:out+'reports.png',fullPage:true});
  const q=await win({state,phone:true,theme:'dark'});await q.goto(url+'/?day=2017-04-08');await q.waitForTimeout(500);await q.screenshot({path:out+'home-dark-phone.png'});await q.screenshot({path:out+'home-dark-phone-full.png',fullPage:true});
  const i=await win({state});await i.goto(url+'/items');await i.screenshot({path:out+'items.png'});
  await i.goto(url+'/stock');await i.screenshot({path:out+'stock.png'});
  await i.goto(url+'/settings/taxes');await i.screenshot({path:out+'taxes.png'});
  await i.goto(url+'/ledger');await i.screenshot({path:out+'ledger.png'});
}
await browser.close();

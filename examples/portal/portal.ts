// A self-service portal's day, with only the role Onboarding.Request. All types come from the API's description.
// `node portal.js endpoints.json`: the file of a running local cloud, which `make run` writes.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths, webhooks } from "./api.js";

type Onboarding = components["schemas"]["Onboarding"];
type Problem = components["schemas"]["Problem"];
type CloudEvent = webhooks["event"]["post"]["requestBody"]["content"]["application/cloudevents+json"];
type Message = { headers: Record<string, string>; raw: string };

const cloud = JSON.parse(readFileSync(process.argv[2] ?? ".local/endpoints.json", "utf8"));
const show = (text: string): void => console.log(text);

/** A token for the API, as any application gets it from Microsoft Entra ID. */
async function token(): Promise<string> {
  const { clientId, clientSecret } = cloud.clients.requester;
  const body = new URLSearchParams({ grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret, scope: `${cloud.audience}/.default` });
  const answer = await fetch(`${cloud.login}/${cloud.tenant}/oauth2/v2.0/token`, { method: "POST", body });
  return ((await answer.json()) as { access_token: string }).access_token;
}

const api = createClient<paths>({ baseUrl: `${cloud.api}/api`, headers: { Authorization: `Bearer ${await token()}` } });

/** The text of an error for a person at the portal: its single faults, if it has some, and what to do. */
const told = (problem: Problem): string =>
  (problem.errors?.length ? problem.errors : [problem]).map((each) => `${each.code}: ${each.detail} ${each.remedy ?? ""}`).join("\n  ");

/** The data of a response. If the response is a problem, throws an error with the text for a person. */
function need<Data>({ data, error }: { data?: Data; error?: Problem }): Data {
  if (error) throw new Error(told(error));
  return data as Data;
}

/** Polls as often as the service asks for, and passes each state to `act`, which can do what waits for a person. */
async function follow(id: string, act: (onboarding: Onboarding) => Promise<void> = async () => {}): Promise<Onboarding> {
  for (;;) {
    const result = await api.GET("/onboardings/{id}", { params: { path: { id } } });
    const onboarding = need(result);
    const seconds = result.response.headers.get("Retry-After");
    if (seconds === null) return onboarding; // it has ended
    await act(onboarding);
    await sleep(Math.min(Number(seconds), 5) * 1000);
  }
}

/** The administrator opens each link and accepts. The local login does not ask for a sign-in. */
async function consent(onboarding: Onboarding): Promise<void> {
  for (const link of onboarding.steps.flatMap((step) => step.actionUrls)) {
    await fetch(link, { method: "POST", body: new URLSearchParams({ answer: "accept" }), redirect: "manual" });
    show(`an administrator consented to ${new URL(link).searchParams.get("client_id")}`);
  }
  // The administrator returns to the page of the service. Its button makes the onboarding check now.
  if (onboarding.consentUrl) await fetch(onboarding.consentUrl, { method: "POST" });
}

/** Whether a message comes from the service (https://www.standardwebhooks.com). */
function isSigned({ headers, raw }: Message): boolean {
  const key = Buffer.from(cloud.webhookSecret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${raw}`).digest();
  return (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** The first event of a type about a connection. Here, events arrive in the inbox of the local cloud. */
async function event<Type extends CloudEvent["type"]>(type: Type, connection: string): Promise<CloudEvent & { type: Type }> {
  for (;;) {
    const answer = await fetch(`${cloud.control}/inbox/notices`);
    const { value } = (await answer.json()) as { value: Message[] };
    for (const message of value.filter(isSigned)) {
      const found = JSON.parse(message.raw) as CloudEvent;
      const about = "connection" in found.data ? found.data.connection.id : "";
      if (found.type === type && about === connection) return found as CloudEvent & { type: Type };
    }
    await sleep(500);
  }
}

const run = Date.now();
const wanted: components["schemas"]["OnboardingRequest"] = {
  name: `Portal ${run}`,
  tenantId: cloud.tenant,
  subscriptionId: cloud.subscription,
  adminConsent: "ByAdministrator",
  owners: [{ name: "Kim", email: "kim@contoso.com" }],
  labels: { ticket: `T-${run}` },
};

// Check: nothing is written.
const checked = need(await api.POST("/onboardings", { params: { query: { dryRun: true } }, body: wanted }));
if ("wouldFail" in checked) show(`checked: ${checked.wouldFail ? "would fail" : `${checked.calls.length} calls are planned`}`);

// Create it with a double click: because of the ticket's key, there is only one onboarding.
const header = { "Idempotency-Key": `T-${run}` };
const clicks = [];
for (let click = 0; click < 2; click += 1) clicks.push(await api.POST("/onboardings", { params: { header }, body: wanted }));
const ids = clicks.map((click) => { const made = need(click); return "id" in made ? made.id : ""; });
show(`clicked twice: ${new Set(ids).size} onboarding, replayed: ${clicks[1]?.response.headers.get("Idempotent-Replayed")}`);

// Follow it, with the consent of an administrator.
const done = await follow(ids[0] ?? "", consent);
show(`onboarding: ${done.status}`);
const connection = done.connectionId ?? "";

// A failure that a person can read, in the language of that person. The portal has no texts of its own.
for (const language of ["en", "de"]) {
  const refused = await api.POST("/onboardings", { params: { header: { "Accept-Language": language } }, body: wanted });
  if (refused.error) show(`refused (${refused.response.headers.get("Content-Language")}): ${told(refused.error)}`);
}

// Cancel another onboarding, which waits for consent.
const other = need(await api.POST("/onboardings", { body: { ...wanted, name: `Other ${run}` } }));
if ("id" in other) {
  need(await api.POST("/onboardings/{id}/cancel", { params: { path: { id: other.id } } }));
  show(`cancelled: ${(await follow(other.id)).status}`);
}

// My connections, and the script for the site.
let mine = 0;
for (let page: components["schemas"]["ConnectionList"] | undefined = need(await api.GET("/connections")); page; ) {
  mine += page.value.length;
  const continuationToken: string = new URL(page.nextLink ?? cloud.api).searchParams.get("continuationToken") ?? "";
  page = continuationToken ? need(await api.GET("/connections", { params: { query: { continuationToken } } })) : undefined;
}
const script = need(await api.GET("/connections/{id}/handover", { params: { path: { id: connection } }, parseAs: "text" }));
show(`my connections: ${mine > 0}, script: ${script.includes("Import-CMAADServerApplication")}`);

// The script has run at the site: confirm the handover, for the person of the ticket.
const behalf = { "On-Behalf-Of": new URLSearchParams({ name: "Kim", reference: `T-${run}` }).toString() };
const confirmed = need(await api.POST("/connections/{id}/confirm", { params: { path: { id: connection }, header: behalf } }));
const site = await event("ConfigMgr.CloudManagement.HandoverConfirmed", connection);
show(`site: ${confirmed.handover.state} for ${confirmed.handover.onBehalfOf?.name}, ${site.data.message}`);

// Renew the secret: events open and close a ticket.
need(await api.POST("/connections/{id}/renewals", { params: { path: { id: connection } }, body: {} }));
const opened = await event("ConfigMgr.CloudManagement.RenewalWaits", connection);
show(`ticket opened: ${opened.data.message}`);
const renewal = opened.data.renewalId;
need(await api.POST("/connections/{id}/renewals/{renewal}/confirm", { params: { path: { id: connection, renewal } } }));
const closed = await event("ConfigMgr.CloudManagement.SecretRenewed", connection);
show(`ticket closed: ${closed.data.message}`);

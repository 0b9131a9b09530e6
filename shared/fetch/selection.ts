/** What a deployment wants, by name, turned into requests to repositories: the names are the manifest's, or repositories. */
import { InvalidConfig, nearest } from "@armature/core";
import { ANNOTATORS, ANNOTATORS_WITHOUT_WEIGHTS, BASE_MODELS, CONTROLNETS, EXTRAS, type Weights } from "./manifest.js";
import { isRepositoryId } from "./names-on-disk.js";

/** The names that a user gives. Models and ControlNets may also be `owner/name` or `owner/name@revision`. */
export interface SelectionNames {
  models?: readonly string[];
  controlnets?: readonly string[];
  annotators?: readonly string[];
  extras?: readonly string[];
}

/** Files of a repository that are wanted. */
export interface WantedFiles {
  /** The fewest bytes that make a model in diffusers' layout whole, chosen when the repository's files are known. */
  smallest: boolean;
  /** Path → bytes as the manifest plans them. */
  files: ReadonlyMap<string, number>;
  optional: ReadonlySet<string>;
}

export interface RepositoryRequest {
  repository: string;
  /** Branch, tag or commit; undefined means `main`, or what the lock file says. */
  revision: string | undefined;
  wanted: WantedFiles;
  /** What it was asked for as: `controlnet depth`. */
  labels: string[];
  licence: string | undefined;
  alternatives: readonly string[];
  /** Path → sha256 that the manifest pins. A revision that the user names is another content, and nothing is pinned of it. */
  pins: ReadonlyMap<string, string>;
}

export type Selection = RepositoryRequest[];

/** One request per repository, in the order asked. `all` stands for every name of its kind. Throws InvalidConfig for a name nobody knows. */
export function selectWeights(names: SelectionNames): Selection {
  const requests = [
    ...(names.models ?? []).map((name) => modelRequest(name)),
    ...each(names.controlnets, CONTROLNETS).map((name) => controlnetRequest(name)),
    ...each(names.annotators, ANNOTATORS).flatMap((name) => annotatorRequests(name)),
    ...each(names.extras, EXTRAS).map((name) => listed(known(EXTRAS, name, "extra"), name)),
  ];
  return merge(requests);
}

function each(names: readonly string[] = [], table: object): string[] {
  return names.flatMap((name) => (name === "all" ? Object.keys(table) : [name]));
}

function modelRequest(name: string): RepositoryRequest {
  const { repository, revision } = splitRevision(name);
  const entry = entryFor(BASE_MODELS, repository);
  if (entry) return atRevision(listed(entry, `model ${repository}`), revision);
  return byName(name, BASE_MODELS, "model");
}

function controlnetRequest(name: string): RepositoryRequest {
  const { repository, revision } = splitRevision(name);
  const entry = entryFor(CONTROLNETS, repository);
  if (entry) return atRevision(listed(entry, `controlnet ${repository}`), revision);
  return byName(name, CONTROLNETS, "ControlNet");
}

function atRevision(request: RepositoryRequest, revision: string | undefined): RepositoryRequest {
  return revision === undefined ? request : { ...request, revision, pins: new Map() };
}

function annotatorRequests(name: string): RepositoryRequest[] {
  const reason = Object.hasOwn(ANNOTATORS_WITHOUT_WEIGHTS, name) ? ANNOTATORS_WITHOUT_WEIGHTS[name] : undefined;
  if (reason) throw new InvalidConfig(`annotator ${name}: no weights can be fetched: ${reason}`);
  return known<readonly Weights[]>(ANNOTATORS, name, "annotator").map((entry) => listed(entry, `annotator ${name}`));
}

/** A repository that the manifest does not list: its smallest sufficient files. */
function byName(name: string, table: Record<string, Weights>, kind: string): RepositoryRequest {
  const { repository, revision } = splitRevision(name);
  if (!repository.includes("/") || !isRepositoryId(repository)) known(table, name, kind);
  const wanted = { smallest: true, files: new Map<string, number>(), optional: new Set<string>() };
  return { repository, revision, wanted, labels: [name], licence: undefined, alternatives: [], pins: new Map() };
}

function splitRevision(name: string): { repository: string; revision: string | undefined } {
  const at = name.indexOf("@");
  return at < 0
    ? { repository: name, revision: undefined }
    : { repository: name.slice(0, at), revision: name.slice(at + 1) || undefined };
}

/** The entry of a short name, or of a repository; upper and lower case are the same, as in the Hub's own names. */
function entryFor(table: Record<string, Weights>, name: string): Weights | undefined {
  if (Object.hasOwn(table, name)) return table[name];
  return Object.values(table).find(({ repository }) => repository.toLowerCase() === name.toLowerCase());
}

function known<Entry>(table: Record<string, Entry>, name: string, kind: string): Entry {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry) return entry;
  const names = Object.keys(table);
  const near = nearest(name, names);
  const hint = near ? `; did you mean ${near}?` : ".";
  throw new InvalidConfig(`${kind} ${JSON.stringify(name)} is not known${hint} Known: ${names.join(", ")}`);
}

function listed(entry: Weights, label: string): RepositoryRequest {
  const { repository, licence, files, optional = [], alternatives = [], sha256 = {} } = entry;
  const all = new Map(Object.entries(files));
  for (const path of optional) all.set(path, 0);
  return {
    repository,
    revision: undefined,
    wanted: { smallest: false, files: all, optional: new Set(optional) },
    labels: [label],
    licence,
    alternatives,
    pins: new Map(Object.entries(sha256)),
  };
}

function merge(requests: RepositoryRequest[]): Selection {
  const byRepository = new Map<string, RepositoryRequest>();
  for (const request of requests) {
    const before = byRepository.get(request.repository);
    byRepository.set(request.repository, before ? union(before, request) : request);
  }
  return [...byRepository.values()];
}

function union(a: RepositoryRequest, b: RepositoryRequest): RepositoryRequest {
  if (a.revision && b.revision && a.revision !== b.revision) {
    throw new InvalidConfig(`${a.repository}: asked for at two revisions, ${a.revision} and ${b.revision}`);
  }
  return {
    repository: a.repository,
    revision: a.revision ?? b.revision,
    wanted: {
      smallest: a.wanted.smallest || b.wanted.smallest,
      files: new Map([...a.wanted.files, ...b.wanted.files]),
      optional: new Set([...a.wanted.optional, ...b.wanted.optional]),
    },
    labels: [...new Set([...a.labels, ...b.labels])],
    licence: [...new Set([a.licence, b.licence])].filter(Boolean).join("; ") || undefined,
    alternatives: [...new Set([...a.alternatives, ...b.alternatives])],
    pins: a.revision || b.revision ? new Map() : new Map([...a.pins, ...b.pins]),
  };
}

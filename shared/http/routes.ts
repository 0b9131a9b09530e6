/** What Express has registered: which methods a path has, and the pattern that a request matched. Routers are mounted at the root. */
import type { Application, IRoute, Request, Router } from "express";

export interface RegisteredRoute {
  /** HTTP method in capitals. */
  method: string;
  /** Path as registered, with `:name` for parameters. */
  path: string;
}

/** The label of requests that matched no route; their paths are the clients' inventions. */
const UNMATCHED = "unmatched";

/** The pattern of the route that took the request, such as `/image/:processor`, never the path that was sent. */
export function routeOf(req: Request): string {
  return req.route?.path ?? UNMATCHED;
}

/** Every route of the application and of the routers in it. */
export function registeredRoutes(app: Application): RegisteredRoute[] {
  return routeLayers(app.router).flatMap(({ route }) =>
    methodsOf(route).map((method) => ({ method, path: route.path })),
  );
}

/** The methods that `path` answers, for an Allow header; empty if no route matches it. */
export function allowedMethods(app: Application, path: string): string[] {
  const methods = new Set(matchingLayers(app.router, path).flatMap(({ route }) => methodsOf(route)));
  if (methods.size === 0) return [];
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods.add("OPTIONS")].sort();
}

/** Whether one of the routers' routes has this path, by any method. */
export function hasRoute(routers: readonly Router[], path: string): boolean {
  return routers.some((router) => matchingLayers(router, path).length > 0);
}

type ILayer = Application["router"]["stack"][number];

type Stacked = { stack: ILayer[] };

/** A layer of Express 5's router; its own types leave `match` out. */
type RouteLayer = ILayer & { route: IRoute; match(path: string): boolean };

function matchingLayers(router: Stacked, path: string): RouteLayer[] {
  return routeLayers(router).filter((layer) => layer.match(path));
}

function routeLayers({ stack }: Stacked): RouteLayer[] {
  return flatten(stack).filter((layer): layer is RouteLayer => layer.route !== undefined);
}

function flatten(layers: ILayer[]): ILayer[] {
  return layers.flatMap((layer) => ("stack" in layer.handle ? flatten(layer.handle.stack as ILayer[]) : [layer]));
}

function methodsOf(route: IRoute): string[] {
  return [...new Set(route.stack.map((layer) => layer.method.toUpperCase()))];
}

import { drivers } from "./drivers.ts";
import { storeConformance } from "./suite.ts";

for (const [name, open] of Object.entries(drivers)) storeConformance(name, open);

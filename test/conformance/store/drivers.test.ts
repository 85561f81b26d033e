import { drivers } from "./drivers.ts";
import { storeConformance } from "./suite.ts";

for (const [name, driver] of Object.entries(drivers)) storeConformance(name, driver);

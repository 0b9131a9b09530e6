/** "Did you mean …?" for names of the contract. */
export { nearest } from "../schema/nearest.js";

/** What an odd decoder does with a picture of that width; with every other one it answers its process id as width. */
export const ODD_WIDTHS = { crashes: 1, waits: 2, spins: 3, floods: 4 };

// Asks the Worker whether it can serve the variables that it is given: it answers everything with 500 and the reason if it cannot.
// start.sh runs this by `workerd test`, before it starts the node. It shows what is printed here.

export default {
  async test(_, { WORKER }) {
    const response = await WORKER.fetch("http://settings/");
    if (response.status !== 500) return;
    console.log((await response.text()).trim());
    throw new Error("the Worker cannot serve its variables");
  },
};

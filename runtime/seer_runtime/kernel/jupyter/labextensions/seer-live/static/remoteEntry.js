// What JupyterLab asks of an extension. It is written by hand: there is nothing to build.
(() => {
  const here = document.currentScript.src;
  let shared;

  // Modules are JupyterLab's own, so that its tokens are the same.
  const load = async (name) => {
    const [version] = Object.values(shared[name]);
    return (await version.get())();
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["seer-live"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const { makePlugin } = await import(new URL("plugin.js", here));
      const plugin = makePlugin(await load("@jupyterlab/notebook"));
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();

import { follow } from "./following.js";

/** Make the plugin that has each notebook that is opened follow the server's. */
export function makePlugin({ INotebookTracker, NotebookActions }) {
  return {
    id: "seer-live:plugin",
    autoStart: true,
    requires: [INotebookTracker],
    activate: (app, tracker) => {
      const url = new URL("seer/page", app.serviceManager.serverSettings.wsUrl);
      const begin = (panel) => void follow(panel, url, NotebookActions);
      tracker.forEach(begin);
      tracker.widgetAdded.connect((_, panel) => begin(panel));
    },
  };
}

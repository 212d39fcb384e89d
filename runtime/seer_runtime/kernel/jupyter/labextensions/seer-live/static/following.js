import { Page } from "./page.js";
import { Saves } from "./saves.js";

const AGAIN = 1000; // milliseconds until a connection that ended is tried again
const BREATH = 100; // milliseconds between two looks at what is new

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Show in a panel what is done to its notebook elsewhere, for as long as it is open. */
export async function follow(panel, url, actions) {
  await panel.context.ready;
  const page = new Page(panel.content.model);
  const saves = new Saves(panel.context, page);
  const save = (_, { notebook }) => notebook === panel.content && saves.soon();
  actions.executionScheduled.connect(save);
  actions.executed.connect(save);
  panel.disposed.connect(() => {
    actions.executionScheduled.disconnect(save);
    actions.executed.disconnect(save);
  });
  while (!panel.isDisposed) {
    await listen(panel, url, page, saves).catch(() => {});
    await sleep(AGAIN);
  }
}

async function listen(panel, url, page, saves) {
  const socket = await connected(url);
  const close = () => socket.close();
  panel.disposed.connect(close);
  try {
    while (!panel.isDisposed) {
      await saves.done();
      const before = saves.count;
      const news = await answer(socket, { path: panel.context.localPath, ...page.known });
      // What was asked for before a save does not know of it: it is asked for again.
      if (news.epoch && before === saves.count && !panel.isDisposed) {
        page.take(news);
      }
      await sleep(BREATH);
    }
  } finally {
    close();
    panel.disposed.disconnect(close);
  }
}

function connected(url) {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onclose = reject;
  });
}

function answer(socket, question) {
  return new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(JSON.parse(data));
    socket.onclose = reject;
    socket.send(JSON.stringify(question));
  });
}

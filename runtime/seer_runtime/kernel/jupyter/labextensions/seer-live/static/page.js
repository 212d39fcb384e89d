import { isSame, show } from "./outputs.js";

const text = ({ cell_type, source }) => ({ cell_type, source });
const isSameText = (one, other) => one && isSame(text(one), text(other));

/**
 * A notebook that is open: what the server said of its cells, and what a person did to them since.
 *
 * What a person changed stays as it is. The server hears of both with the next save, and merges.
 */
export class Page {
  known = { epoch: "", revision: -1 };
  #model;
  #heard = new Map(); // by the ids of cells: their texts, and the runs that they show
  #shown = new Map(); // the outputs that the server gave
  #own = new Map(); // runs of a person, which nobody has heard of yet or which they know by this name
  #order = [];
  #isTaking = false;

  constructor(model) {
    this.#model = model;
    const given = new Set(model.getMetadata("seer_cells") ?? []);
    for (const cell of model.cells) {
      if (given.has(cell.id)) {
        this.#heard.set(cell.id, { ...text(cell.sharedModel.toJSON()), run: "" });
      }
      this.#watch(cell);
    }
    model.cells.changed.connect((_, { newValues }) => newValues.forEach((cell) => this.#watch(cell)));
  }

  /** Bring what the server says into the notebook. */
  take({ epoch, revision, order, changed }) {
    const wasDirty = this.#model.dirty;
    this.#isTaking = true;
    try {
      changed.forEach((entry) => this.#takeCell(entry, order));
      this.#order.filter((id) => !order.includes(id)).forEach((id) => this.#remove(id));
      if (!wasDirty) {
        this.#arrange(order);
      }
      this.#order = order;
      this.known = { epoch, revision };
    } finally {
      this.#isTaking = false;
      this.#model.dirty = wasDirty;
    }
  }

  /** Give what is to be saved with what the server needs to merge it. */
  described(content) {
    if (this.known.revision < 0) {
      return content;
    }
    const heard = [...this.#heard].map(([id, each]) => [
      id,
      { ...each, own_run: this.#own.get(id) ?? "" },
    ]);
    return { ...content, metadata: { ...content.metadata, seer_cells: Object.fromEntries(heard) } };
  }

  /** Note that the server has these cells now. */
  saved(cells) {
    for (const cell of cells) {
      this.#heard.set(cell.id, { ...text(cell), run: this.#heard.get(cell.id)?.run ?? "" });
      const at = this.#find(cell.id);
      if (at < 0 || !isSameText(cell, this.#shared[at].toJSON())) {
        // It was changed while it was saved, of which JupyterLab takes no notice.
        this.#model.dirty = true;
      }
    }
  }

  get #shared() {
    return this.#model.sharedModel.cells;
  }

  #find(id) {
    return this.#shared.findIndex((cell) => cell.getId() === id);
  }

  /** Do something that a person cannot undo, since they did not do it. */
  #change(action) {
    this.#model.sharedModel.transact(action, false);
  }

  #takeCell(entry, order) {
    const { cell, run } = entry;
    const heard = this.#heard.get(cell.id);
    const at = this.#find(cell.id);
    if (at < 0) {
      // One that a person removed stays away, unless it is another one by now.
      if (!isSameText(heard, cell)) {
        this.#insert(this.#place(cell.id, order), entry);
      }
      return;
    }
    const here = this.#shared[at].toJSON();
    if (isSameText(here, cell)) {
      this.#heard.set(cell.id, { ...text(cell), run: heard?.run ?? "" });
    } else if (isSameText(heard, here)) {
      this.#heard.set(cell.id, { ...text(cell), run: heard.run });
      if (here.cell_type !== cell.cell_type) {
        this.#change(() => this.#model.sharedModel.deleteCell(at));
        this.#insert(at, entry);
        return;
      }
      this.#change(() => this.#shared[at].setSource(cell.source));
    }
    if (cell.cell_type === "code" && this.#shared[at].cell_type === "code") {
      this.#takeRun(this.#model.cells.get(at), entry, run);
    }
  }

  #insert(at, entry) {
    const { cell, run } = entry;
    this.#heard.set(cell.id, { ...text(cell), run });
    this.#shown.set(cell.id, cell.outputs);
    this.#own.delete(cell.id);
    this.#change(() => this.#model.sharedModel.insertCell(at, cell));
    this.#mark(this.#model.cells.get(at), entry);
  }

  /** Find where a cell goes: behind the nearest that is before it there and is here, too. */
  #place(id, order) {
    for (let before = order.indexOf(id) - 1; before >= 0; before -= 1) {
      const at = this.#find(order[before]);
      if (at >= 0) {
        return at + 1;
      }
    }
    return 0;
  }

  #takeRun(model, entry, run) {
    const { cell } = entry;
    const own = this.#own.get(cell.id);
    const heard = this.#heard.get(cell.id);
    const isAnother = run !== "" && run !== heard?.run && run !== own;
    if (heard) {
      heard.run = run;
    }
    if (own && !isAnother) {
      return;
    }
    show(model.outputs, cell.outputs, own ? undefined : this.#shown.get(cell.id));
    this.#shown.set(cell.id, cell.outputs);
    this.#own.delete(cell.id);
    if (isAnother) {
      model.executionState = "running";
    }
    this.#mark(model, entry);
  }

  #mark(model, { cell, is_running }) {
    if (cell.cell_type === "code") {
      model.executionCount = cell.execution_count;
      model.executionState = is_running ? "running" : "idle";
    }
  }

  #remove(id) {
    const at = this.#find(id);
    const heard = this.#heard.get(id);
    this.#heard.delete(id);
    this.#shown.delete(id);
    if (at >= 0 && isSameText(heard, this.#shared[at].toJSON())) {
      this.#change(() => this.#model.sharedModel.deleteCell(at));
    }
  }

  #arrange(order) {
    if (order.length !== this.#shared.length) {
      return;
    }
    order.forEach((id, at) => {
      const from = this.#find(id);
      if (from > at) {
        this.#change(() => this.#model.sharedModel.moveCell(from, at));
      }
    });
  }

  /** Notice what a person runs, or clears, in a cell. */
  #watch(cell) {
    if (cell.type !== "code") {
      return;
    }
    const note = () => {
      if (!this.#isTaking && !this.#own.has(cell.id)) {
        this.#own.set(cell.id, `page-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`);
      }
    };
    cell.outputs.changed.connect(note);
    cell.stateChanged.connect((_, { name }) => name === "executionCount" && note());
  }
}

const PAUSE = 200; // milliseconds in which what a person does is saved together
const LONGEST = 30000; // milliseconds after which a save is taken to have failed silently

/** The saves of one document: with each the server hears what the page knows of it. */
export class Saves {
  count = 0;
  #context;
  #page;
  #began = 0;
  #isNext = false;
  #sent = null;
  #timer = 0;

  constructor(context, page) {
    this.#context = context;
    this.#page = page;
    const { model } = context;
    const toJSON = model.toJSON.bind(model);
    model.toJSON = () => (this.#isNext ? this.#send(toJSON()) : toJSON());
    context.saveState.connect((_, state) => this.#note(state));
  }

  /** Save what a person ran, so that others see it, too. */
  soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      await this.done();
      if (!this.#context.isDisposed && !this.#context.model.readOnly) {
        await this.#context.save().catch(() => {});
      }
    }, PAUSE);
  }

  /** Wait until none is under way. */
  async done() {
    while (this.#began && Date.now() - this.#began < LONGEST) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #note(state) {
    if (state === "started") {
      this.count += 1;
      this.#began = Date.now();
      this.#isNext = true;
    } else if (state === "completed" || state === "failed") {
      this.#began = 0;
      if (state === "completed" && this.#sent) {
        this.#page.saved(this.#sent);
      }
      this.#sent = null;
    }
  }

  #send(content) {
    this.#isNext = false;
    this.#sent = content.cells;
    return this.#page.described(content);
  }
}

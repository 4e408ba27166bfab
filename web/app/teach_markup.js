// SPDX-License-Identifier: MIT
// The panel of the visitor's own classes, before anything is in it.
export const MARKUP = `
  <div class="card-head">
    <h2 class="label">Your own classes</h2>
    <div class="many-actions">
      <button id="teach-open" class="button small" type="button">Open</button>
      <button id="teach-save" class="button small" type="button" disabled>Save</button>
      <button id="teach-pictures" class="button small" type="button" disabled>Save the pictures</button>
      <input id="teach-file" type="file" accept=".json,application/json" aria-label="File of classes" tabindex="-1" hidden>
    </div>
  </div>
  <p class="quiet teach-lead">Give two classes or more a few pictures each: the one in use, the camera’s, or files
    dropped on a class. Nothing is trained; each picture becomes a list of numbers, and like goes to like.</p>
  <div class="teach-say"><p id="teach-words" class="quiet" role="status"></p><button id="teach-undo" class="button small" type="button" hidden>Undo</button></div>
  <div id="teach-answer" class="teach-answer">
    <div class="looked-head">
      <h3 class="label">The picture in use</h3>
      <label class="quiet teach-method">Compare with
        <select id="teach-method"><option value="centroid">the mean of each class</option><option value="neighbours">the 5 nearest pictures</option></select></label>
    </div>
    <p id="teach-verdict" class="teach-verdict">–</p>
    <ol id="teach-bars" class="teach-bars"></ol>
    <label class="slider quiet"><span>Unlike all of them: <span id="teach-unlike-words">never</span></span><input id="teach-unlike" type="range" min="-100" max="99" value="-100"></label>
  </div>
  <ul id="teach-classes" class="teach-classes"></ul>
  <button id="teach-new" class="button teach-new" type="button">Add a class</button>
  <section id="teach-confusion" class="teach-confusion" aria-labelledby="teach-confusion-title" hidden>
    <h3 id="teach-confusion-title" class="label">How well they can be told apart</h3>
    <p id="teach-confusion-words" class="quiet"></p>
    <div class="teach-table-box" tabindex="0" role="group" aria-labelledby="teach-confusion-title"><table id="teach-confusion-table" class="teach-table"></table></div>
    <p class="quiet">A row is a class, a column what its pictures would be taken for.</p>
  </section>
  <details id="teach-use" class="classes" hidden>
    <summary>Use my-classes.json in your own program</summary>
    <pre id="teach-snippet" class="card-text" tabindex="0"></pre>
  </details>
  <details id="teach-train" class="classes" hidden>
    <summary>Train a model of your own with my-pictures.zip</summary>
    <p class="quiet">Thirty minutes on an ordinary computer make a model that knows these classes and nothing else; a
      hundred pictures of each are a good start. In a terminal:</p>
    <pre id="teach-command" class="card-text" tabindex="0">vit158 finetune my-pictures.zip -o my-model.safetensors</pre>
  </details>
  <p id="teach-kept" class="quiet"></p>`;

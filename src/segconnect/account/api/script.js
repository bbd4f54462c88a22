/* Page views and who made them, for an account of segconnect. The site's own cookies, no others. */
(function (window, document, config) {
  "use strict";
  var state = (window._segs = window._segs || {});
  var queue = (window._segq = window._segq || []);
  var script = document.currentScript;
  var base = (state.base || (script && script.src) || "").replace(/(\/tag)?\/[^\/]*$/, "");
  var DAY = 86400, YEAR = 365 * DAY, UID = "_seg_uid", OFF = "_seg_off", ON = "_seg_on", OK = "_seg_ok";

  if (!config) { // /seg.js: what the account's owner decided comes with the account's own script
    if (!state.integration) return;
    var tag = document.createElement("script");
    tag.async = true;
    tag.src = base + "/tag/" + encodeURIComponent(state.integration) + ".js";
    document.head.appendChild(tag);
    return;
  }
  if (state.loaded) return;
  state.loaded = true;
  state.integration = config.account;
  state.data = state.data || {};

  function read(name) {
    var found = document.cookie.match("(?:^|; )" + name + "=([^;]*)");
    return found ? decodeURIComponent(found[1]) : "";
  }

  // Of the domains above the page's the widest one that the browser takes, for all its hosts.
  function write(name, value, seconds) {
    var parts = location.hostname.split("."), end, text;
    for (var i = parts.length - 1; i >= 0; i--) {
      end = parts.length > 1 ? "; domain=" + parts.slice(i).join(".") : "";
      text = name + "=" + encodeURIComponent(value) + "; path=/; max-age=" + seconds +
        "; samesite=lax" + (location.protocol === "https:" ? "; secure" : "") + end;
      document.cookie = text;
      if (seconds > 0 && read(name) === value) return;
    }
    document.cookie = text.replace(end, "");
  }

  function random() {
    var numbers = new Uint32Array(4), text = "";
    window.crypto.getRandomValues(numbers);
    for (var i = 0; i < 4; i++) text += numbers[i].toString(36);
    return text;
  }

  function argument(name) {
    var found = location.search.match("[?&]" + name + "=([^&]*)");
    try { return found ? decodeURIComponent(found[1].replace(/\+/g, " ")) : ""; } catch (error) { return ""; }
  }

  // One's own visits are left out after ?seg-pixel=disable, but for twelve hours after =enable.
  var wish = argument("seg-pixel");
  if (wish === "disable") {
    write(ON, "", 0);
    write(OFF, "1", (parseFloat(argument("seg-expire")) || 3650) * DAY);
  } else if (wish === "enable") {
    write(ON, "1", DAY / 2);
  }

  function isAllowed() {
    var asks = navigator.doNotTrack === "1" || window.doNotTrack === "1" || navigator.globalPrivacyControl;
    return !(read(OFF) && !read(ON)) && !(config.dnt && asks) && !(config.consent && !read(OK));
  }

  function isOwn(host) {
    return config.hosts.some(function (own) {
      return host === own || host.slice(-own.length - 1) === "." + own;
    });
  }

  function uid() {
    var link = document.createElement("a");
    link.href = document.referrer;
    var handed = document.referrer && isOwn(link.hostname) ? argument(UID) : "";
    state.data.uid = handed || read(UID) || state.data.uid || "v" + random();
    write(UID, state.data.uid, YEAR);
    return state.data.uid;
  }

  function send(path, body) {
    var url = base + path;
    if (navigator.sendBeacon && navigator.sendBeacon(url, body)) return;
    var request = new XMLHttpRequest();
    request.open("POST", url);
    request.send(body);
  }

  var seen = "";
  function view() {
    var here = location.href.replace(/#.*/, "");
    if (here === seen || !isAllowed()) return;
    var from = seen || document.referrer;
    seen = here;
    send("/hit", JSON.stringify({
      a: config.account, u: uid(), l: here, r: from, i: random().slice(0, 8), k: read(OK) ? 1 : 0
    }));
  }

  function isEmail(text) {
    return typeof text === "string" && /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(text.trim());
  }

  function identify(who) {
    who = who && typeof who === "object" ? who : { email: who };
    var email = isEmail(who.email) ? who.email.trim() : "";
    var id = who.contact_id;
    id = typeof id === "number" || typeof id === "string" ? String(id).trim() : "";
    if ((!email && !id) || !isAllowed()) return; // neither is valid: dropped
    send("/identify", JSON.stringify({ a: config.account, uid: uid(), e: email, cid: id }));
  }

  function consent(isGiven) {
    write(OK, isGiven ? "1" : "", isGiven ? YEAR : 0);
    if (isGiven) return flush();
    write(UID, "", 0);
    delete state.data.uid;
    seen = "";
  }

  var waiting = [];
  function flush() {
    view();
    if (isAllowed()) waiting.splice(0).forEach(identify);
  }

  function run(command) {
    if (!command || typeof command.length !== "number") return;
    if (command[0] === "consent") consent(command[1]);
    if (command[0] === "view") view();
    if (command[0] !== "identify") return;
    if (config.consent && !read(OK)) waiting.push(command[1]);
    else identify(command[1]);
  }

  if (config.forms) {
    document.addEventListener("submit", function (event) {
      var fields = event.target.querySelectorAll("input");
      for (var i = 0; i < fields.length; i++) {
        var field = fields[i], name = field.type + " " + field.name + " " + field.id;
        if (field.type !== "password" && field.type !== "hidden" && /e-?mail/i.test(name) && isEmail(field.value)) {
          run(["identify", field.value]);
          return;
        }
      }
    }, true);
  }
  if (config.hosts.length) {
    document.addEventListener("click", function (event) {
      var link = event.target.closest && event.target.closest("a[href]");
      if (!link || link.hostname === location.hostname || !isOwn(link.hostname) || !isAllowed()) return;
      if (link.search.indexOf(UID + "=") < 0) {
        link.search += (link.search ? "&" : "?") + UID + "=" + encodeURIComponent(uid());
      }
    }, true);
  }
  // Pages that change without being loaded anew.
  ["pushState", "replaceState"].forEach(function (name) {
    var original = history[name];
    history[name] = function () {
      var answer = original.apply(this, arguments);
      setTimeout(view, 0);
      return answer;
    };
  });
  window.addEventListener("popstate", view);

  var queued = queue.splice(0);
  queue.push = function () {
    for (var i = 0; i < arguments.length; i++) run(arguments[i]);
    return queue.length;
  };
  view();
  queued.forEach(run);
})(window, document, null);

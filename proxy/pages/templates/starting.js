(() => {
  const heading = document.querySelector("h1");
  const sentence = document.getElementById("state");
  const steps = [...document.querySelectorAll(".steps li")];
  const order = ["queued", "starting", "running"];
  let pause = 500;
  const show = (session) => {
    document.title = heading.textContent = session.heading;
    sentence.textContent = session.sentence;
    const at = order.indexOf(session.state);
    steps.forEach((step, number) => {
      step.classList.toggle("done", number < at);
      if (number === at) step.setAttribute("aria-current", "step"); else step.removeAttribute("aria-current");
    });
  };
  const look = async () => {
    try {
      const answer = await fetch("/.carrel/state", { headers: { accept: "application/json" }, cache: "no-store" });
      if (!answer.ok && answer.status < 500) { location.reload(); return; }
      if (answer.ok) {
        const session = await answer.json();
        if (session.ready || session.ended) { location.reload(); return; }
        show(session);
      }
    } catch { /* The proxy may be restarting: look again. */ }
    pause = Math.min(pause * 1.2, 3000);
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
})();

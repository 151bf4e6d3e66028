(() => {
  const place = document.getElementById("state");
  const words = { queued: "It is waiting for its turn.", starting: "Its container is starting.", running: "It is ready." };
  let pause = 500;
  const look = async () => {
    try {
      const answer = await fetch("/.carrel/state", { headers: { accept: "application/json" }, cache: "no-store" });
      if (!answer.ok && answer.status < 500) { location.reload(); return; }
      if (answer.ok) {
        const session = await answer.json();
        if (session.ready || session.ended) { location.reload(); return; }
        place.textContent = words[session.state] ?? session.state;
      }
    } catch { /* The proxy may be restarting: look again. */ }
    pause = Math.min(pause * 1.2, 3000);
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
})();

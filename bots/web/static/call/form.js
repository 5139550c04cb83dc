// The guided request form: the customer saves it; the colleague's copy only shows where they are.
const form = document.getElementById("form");
const said = document.getElementById("said");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const values = Object.fromEntries(new FormData(form));
  const answer = await fetch(`${form.dataset.base}/form`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(values),
  });
  const told = await answer.json().catch(() => ({}));
  said.textContent = answer.ok ? said.dataset.saved : (told.text ?? "");
});

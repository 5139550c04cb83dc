// Going on in Telegram: an address of the bot that is good once, as a button for phones and a QR code for PCs.
import { byId, toast } from "./ui.js";
import { t } from "./words.js";

export function setUpElsewhere(connection) {
  const item = byId("menu-telegram");
  if (!item) return;
  const sheet = byId("telegram");
  item.addEventListener("click", async () => {
    const said = await fetch("/channels/web/telegram", { method: "POST", headers: { "X-Dangol-Session": connection.session ?? "" } })
      .then((answer) => answer.json())
      .catch(() => ({}));
    if (!said.url) {
      toast(said.text ?? t("chat.telegram.failed"));
      return;
    }
    byId("telegram-open").href = said.url;
    byId("telegram-qr").src = `data:image/svg+xml,${encodeURIComponent(said.svg)}`;
    sheet.showModal();
  });
}

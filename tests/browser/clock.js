// A camera whose picture tells the time (16 cells of the wall clock in 10 ms, and a bar that is white at the
// beginning of each second), and a microphone that beeps with the bar.
(() => {
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const now = () => performance.timeOrigin + performance.now();
  const FLASH_MS = 100;

  function picture() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
    const pen = canvas.getContext("2d");
    setInterval(() => {
      const at = now();
      pen.fillStyle = "#446";
      pen.fillRect(0, 0, 640, 480);
      for (let bit = 0; bit < 16; bit++) {
        pen.fillStyle = (Math.floor(at / 10) >> bit) & 1 ? "#fff" : "#000";
        pen.fillRect(bit * 40, 0, 40, 80);
      }
      pen.fillStyle = at % 1000 < FLASH_MS ? "#fff" : "#000";
      pen.fillRect(0, 400, 640, 80);
      pen.fillStyle = "#fff";
      pen.font = "48px monospace";
      pen.fillText(new Date(at).toISOString().slice(11, 23), 130, 260);
    }, 20);
    return canvas.captureStream(30).getVideoTracks()[0];
  }

  function sound() {
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: 880 });
    const level = new GainNode(context, { gain: 0 });
    const out = new MediaStreamAudioDestinationNode(context);
    tone.connect(level).connect(out);
    tone.start();
    const plan = () => {
      const wait = 1000 - (now() % 1000);
      const at = context.currentTime + wait / 1000;
      level.gain.setValueAtTime(0.8, at);
      level.gain.setValueAtTime(0, at + FLASH_MS / 1000);
      setTimeout(plan, wait + 300);
    };
    context.resume().then(plan);
    return out.stream.getAudioTracks()[0];
  }

  devices.getUserMedia = async ({ audio, video }) =>
    new MediaStream([...(audio ? [sound()] : []), ...(video ? [picture()] : [])]);
})();

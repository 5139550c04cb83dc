// Camera, microphone, light, screen and speaker of this device.

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class Devices {
  constructor() {
    this.camera = null; // MediaStreamTrack
    this.mic = null;
    this.screen = null;
    this.facing = "environment"; // what customers show is in front of them
    this.light = false;
  }

  // Ask for the microphone and, if wanted, the camera. Raises DOMException as getUserMedia does.
  async open({ video, facing = this.facing }) {
    if (!navigator.mediaDevices) throw new DOMException("insecure", "SecurityError");
    this.facing = facing;
    const wanted = { audio: SOUND, video: video && { ...VIDEO, facingMode: { ideal: facing } } };
    const stream = await navigator.mediaDevices.getUserMedia(wanted);
    this.stop("camera", "mic");
    [this.mic] = stream.getAudioTracks();
    [this.camera = null] = stream.getVideoTracks();
  }

  // Another camera: front or back on a phone, the next one elsewhere. The old one is closed first: a phone
  // opens one at a time.
  async flip() {
    const before = this.camera?.getSettings().deviceId;
    this.facing = this.facing === "environment" ? "user" : "environment";
    this.stop("camera");
    const cameras = (await this.list("videoinput")).filter((one) => one.deviceId !== before);
    const phone = matchMedia("(pointer: coarse)").matches;
    const which = phone || !cameras.length ? { facingMode: { ideal: this.facing } } : { deviceId: cameras[0].deviceId };
    await this.startCamera(which);
  }

  async startCamera(which = { facingMode: { ideal: this.facing } }) {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...VIDEO, ...which } });
    [this.camera] = stream.getVideoTracks();
    this.light = false;
    return this.camera;
  }

  get mirrored() {
    return (this.camera?.getSettings().facingMode ?? "user") === "user" && this.facing === "user";
  }

  // Which way the camera looks, if it says so: "user" or "environment".
  get looks() {
    const facing = this.camera?.getSettings().facingMode;
    return facing === "user" || facing === "environment" ? facing : "";
  }

  // Image Capture lists the states that a light may have; browsers that follow its earlier drafts say true.
  get hasLight() {
    const states = this.camera?.getCapabilities?.().torch;
    return Array.isArray(states) ? states.includes(true) : Boolean(states);
  }

  // An advanced constraint that cannot be met is no error: what became of it stands in the settings.
  async setLight(on) {
    await this.camera.applyConstraints({ advanced: [{ torch: on }] });
    this.light = this.camera.getSettings().torch ?? on;
    if (this.light !== on) throw new DOMException("torch", "OverconstrainedError");
  }

  get canShareScreen() {
    return Boolean(navigator.mediaDevices?.getDisplayMedia) && !matchMedia("(pointer: coarse)").matches;
  }

  async startScreen() {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
    [this.screen] = stream.getVideoTracks();
    return this.screen;
  }

  async list(kind) {
    const found = await navigator.mediaDevices.enumerateDevices();
    return found.filter((one) => one.kind === kind && one.deviceId);
  }

  stop(...names) {
    for (const name of names.length ? names : ["camera", "mic", "screen"]) {
      this[name]?.stop();
      this[name] = null;
    }
  }
}

// How loud a microphone is, 0 to 1, told some times a second. Answers how to stop it.
export function meter(track, tell) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const wave = new Uint8Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getByteTimeDomainData(wave);
    const peak = wave.reduce((most, value) => Math.max(most, Math.abs(value - 128)), 0);
    tell(Math.min(1, peak / 64));
  }, 120);
  return () => {
    clearInterval(timer);
    context.close();
  };
}

// Which words explain why a device could not be opened.
export function reason(error) {
  const known = { NotAllowedError: "denied", NotFoundError: "none_found", NotReadableError: "taken", SecurityError: "insecure" };
  return known[error.name] ?? "other";
}

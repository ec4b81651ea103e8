// Putting the scene back: the start of A over the scene as it is now, from this device's camera or a photo.

const JPEG_QUALITY = 0.9;
const LONGEST_EDGE = 1920;

export class Restore {
  constructor(root, api) {
    this.root = root;
    this.api = api;
    this.stream = null;
    this.now = null; // the element that shows the scene as it is now
  }

  /** The part is drawn anew when a first frame arrives: then it is brought to life once more. */
  attach() {
    const place = this.root.querySelector("[data-overlay]");
    if (!place || place === this.place) {
      return;
    }
    this.stop();
    this.place = place;
    this.part("tools").hidden = false;
    const camera = this.part("camera");
    camera.hidden = !navigator.mediaDevices?.getUserMedia;
    camera.addEventListener("click", () => this.toggleCamera());
    this.part("file").addEventListener("change", (event) => this.takeFile(event.target));
    this.part("opacity").addEventListener("input", () => this.paint());
    this.part("flip").addEventListener("click", () => this.flip());
    this.part("keep").addEventListener("click", () => this.keep());
    this.part("choice")?.addEventListener("change", (event) => this.choose(event.target.value));
    this.paint();
  }

  part(name) {
    return this.place?.querySelector(`[data-overlay-${name}]`);
  }

  get starts() {
    return [...this.place.querySelectorAll("[data-start-image]")];
  }

  async toggleCamera() {
    if (this.stream) {
      this.stop();
      return;
    }
    const video = this.part("video");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
    } catch {
      this.say("The camera of this device could not be used. Take a photo instead.");
      return;
    }
    video.srcObject = this.stream;
    await video.play().catch(() => {});
    this.part("camera").textContent = "Stop the camera";
    this.show(video);
  }

  async takeFile(input) {
    const [file] = input.files;
    if (!file) {
      return;
    }
    try {
      const picture = await createImageBitmap(file);
      draw(this.part("canvas"), picture, picture.width, picture.height);
      picture.close();
    } catch {
      this.say("This file is no photo that your browser can show.");
      return;
    } finally {
      input.value = "";
    }
    this.stop();
    this.show(this.part("canvas"));
  }

  show(element) {
    this.now = element;
    this.part("video").hidden = element !== this.part("video");
    this.part("canvas").hidden = element !== this.part("canvas");
    this.part("compare").hidden = false;
    this.part("keep").disabled = false;
    this.part("keep").textContent = "Keep this photo with the session";
    this.say("");
    this.paint();
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    if (this.place && this.now === this.part("video")) {
      this.now = null;
      this.part("video").hidden = true;
      this.part("compare").hidden = true;
      this.paint();
    }
    if (this.place) {
      this.part("camera").textContent = "Use this device’s camera";
    }
  }

  paint() {
    const share = this.now ? Number(this.part("opacity").value) / 100 : 1;
    for (const image of this.starts) {
      image.style.opacity = share;
    }
    this.part("flip")?.setAttribute("aria-pressed", String(this.now !== null && share === 1));
  }

  shift(by) {
    if (this.now) {
      const slider = this.part("opacity");
      slider.value = Number(slider.value) + by;
      this.paint();
    }
  }

  /** Between the start alone and now alone: what has moved is seen to jump. */
  flip() {
    if (this.now) {
      const slider = this.part("opacity");
      slider.value = Number(slider.value) < 100 ? 100 : 0;
      this.paint();
    }
  }

  choose(number) {
    for (const image of this.starts) {
      image.hidden = image.dataset.startImage !== number;
    }
  }

  async keep() {
    const canvas = this.part("canvas");
    const video = this.part("video");
    if (this.now === video) {
      draw(canvas, video, video.videoWidth, video.videoHeight);
    }
    const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
    const form = new FormData();
    form.append("moment", "restored");
    form.append("photo", picture, "restored.jpg");
    this.part("keep").disabled = true;
    try {
      await this.api.post("/photos", form);
      this.part("keep").textContent = "Kept with the session";
    } catch (error) {
      this.part("keep").disabled = false;
      this.say(error.code ? error.message : "No connection: the photo was not kept. Try again.");
    }
  }

  say(text) {
    this.part("problem").textContent = text;
  }
}

function draw(canvas, picture, width, height) {
  const scale = Math.min(1, LONGEST_EDGE / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
}

// A Worker that reaches the SockJS Worker over a service binding.

export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    return env.CHAT.fetch(`https://chat${pathname}`, { headers: { Upgrade: "websocket" } });
  },
};

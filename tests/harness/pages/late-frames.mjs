// Frames that arrive after the stock client gave their htmlfile or JSONP receiver up. It deletes the receiver's callback at once,
// but removes the iframe or the script only later, so that scripts that are on the way throw.

const CALLBACK_IS_GONE = /^(_jp\.\w+ is not a function|Cannot read properties of undefined \(reading '(start|message|stop)'\))$/;
const RECEIVER = /\/(htmlfile|jsonp)\?(\S*&)?c=_jp\.\w+/;

/** Tells whether a page's error is a late frame, which is no fault of the page or the server. */
export function isLateFrame({ message, stack }) {
  return CALLBACK_IS_GONE.test(message) && RECEIVER.test(stack);
}

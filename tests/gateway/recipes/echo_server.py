"""An echo with the package websockets. A message "close" closes its connection with 4001."""

import asyncio

from websockets.asyncio.server import serve


async def echo(websocket):
    async for message in websocket:
        if message == "close":
            await websocket.close(4001, "Closed by Python")
        else:
            await websocket.send(message)


async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        print(f"listening on port {server.sockets[0].getsockname()[1]}")
        await server.serve_forever()


asyncio.run(main())

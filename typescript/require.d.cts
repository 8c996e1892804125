/** sockjs-edge is an ES module: use `import`. */
declare const useImport: never;
export = useImport;

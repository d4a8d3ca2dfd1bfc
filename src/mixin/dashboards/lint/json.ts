/** What the linter reads of a dashboard. Everything may be missing: that is what it looks for. */
export type BoardJson = {
  readonly id?: number | null;
  readonly uid?: string;
  readonly title?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly editable?: boolean;
  readonly refresh?: string;
  readonly time?: { readonly from?: string; readonly to?: string };
  readonly schemaVersion?: number;
  readonly __inputs?: unknown;
  readonly __requires?: unknown;
  readonly links?: readonly BoardLinkJson[];
  readonly templating?: { readonly list?: readonly VariableJson[] };
  readonly annotations?: { readonly list?: readonly AnnotationJson[] };
  readonly panels?: readonly PanelJson[];
};

export type BoardLinkJson = {
  readonly type?: string;
  readonly tags?: readonly string[];
  readonly asDropdown?: boolean;
  readonly keepTime?: boolean;
};

export type VariableJson = {
  readonly name?: string;
  readonly type?: string;
  readonly query?: unknown;
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string | null;
  readonly current?: { readonly value?: unknown };
};

export type AnnotationJson = {
  readonly expr?: string;
  readonly enable?: boolean;
  readonly useValueForTime?: boolean;
};

export type PanelJson = {
  readonly id?: number;
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly gridPos?: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly datasource?: { readonly type?: string; readonly uid?: string } | null;
  readonly targets?: readonly TargetJson[];
  readonly timeFrom?: string;
  readonly fieldConfig?: {
    readonly defaults?: FieldJson;
    readonly overrides?: readonly {
      readonly properties?: readonly { readonly id?: string; readonly value?: unknown }[];
    }[];
  };
  readonly panels?: readonly PanelJson[];
};

export type TargetJson = {
  readonly refId?: string;
  readonly expr?: string;
  readonly legendFormat?: string;
  readonly instant?: boolean;
  readonly datasource?: { readonly uid?: string };
};

export type FieldJson = {
  readonly unit?: string;
  readonly noValue?: string;
  readonly thresholds?: {
    readonly steps?: readonly { readonly value?: number | null; readonly color?: string }[];
  };
  readonly links?: readonly { readonly title?: string; readonly url?: string }[];
  readonly custom?: {
    readonly lineInterpolation?: string;
    readonly drawStyle?: string;
    readonly thresholdsStyle?: { readonly mode?: string };
  };
};
